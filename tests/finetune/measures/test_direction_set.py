import dataclasses
import math

import pytest
import torch

from linear import Linear, direction_set
from orojar_finetune import discover
from orojar_finetune.config import HELD_OUT
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.measures.direction_set import (
    VARIANCE_SAMPLES,
    effective_directions,
    image_variance,
    measure_directions,
    off_diagonal_cos2,
    off_diagonal_share,
    squared_change,
)
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import rng
from separable import Separable
from tiny import tiny_stylegan2


def cos2(gram: torch.Tensor) -> float:
    return off_diagonal_cos2(gram[None]).item()


def share(gram: torch.Tensor) -> float:
    return off_diagonal_share(gram[None]).item()


def effective(gram: torch.Tensor) -> float:
    return effective_directions(gram[None]).item()


def with_a_dead_direction(gram: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.pad(gram, (0, 1, 0, 1))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_an_orthogonal_jacobian_has_no_off_diagonal_share_and_all_its_directions_count(count):
    gram = 3.0 * torch.eye(count)
    assert (cos2(gram), share(gram), effective(gram)) == pytest.approx((0, 0, count))


@pytest.mark.parametrize("count", [2, 3, 10])
def test_directions_that_all_do_the_same_have_all_but_the_diagonal_off_it(count):
    """Of K² equal entries K are on the diagonal."""
    gram = torch.ones(count, count)
    assert share(gram) == pytest.approx(1 - 1 / count)
    assert cos2(gram) == pytest.approx(1)
    assert effective(gram) == pytest.approx(count)


def test_the_measures_of_three_columns_are_those_computed_by_hand():
    """Columns (1, 0), (0, 2), (1, 2): squared cosines 0, 1/5, 4/5; G has 1, 4, 5 on the diagonal and 0, 1, 4 twice off it."""
    jacobian = torch.tensor([[1.0, 0.0, 1.0], [0.0, 2.0, 2.0]])
    gram = jacobian.T @ jacobian
    assert cos2(gram) == pytest.approx((0 + 1 / 5 + 4 / 5) / 3)
    assert share(gram) == pytest.approx(2 * (1 + 16) / (2 * (1 + 16) + 1 + 16 + 25))
    assert effective(gram) == pytest.approx(10**2 / (1 + 16 + 25))


def test_a_direction_that_does_nothing_changes_neither_the_share_nor_the_effective_number():
    jacobian = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    gram = jacobian.T @ jacobian
    padded = with_a_dead_direction(gram)
    assert share(padded) == pytest.approx(share(gram))
    assert effective(padded) == pytest.approx(effective(gram))
    assert cos2(padded) < 0.7 * cos2(gram)  # which is why cos² alone cannot tell good directions from dead ones


def test_the_share_falls_with_one_loud_direction_and_the_effective_number_gives_it_away():
    jacobian = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    loud = jacobian * torch.tensor([100.0, 1, 1, 1])
    before, after = jacobian.T @ jacobian, loud.T @ loud
    assert share(after) < 0.01 * share(before)
    assert effective(after) < 1.01 < 3 < effective(before)
    assert cos2(after) == pytest.approx(cos2(before), rel=1e-5)


def test_directions_without_effect_do_not_divide_by_zero():
    gram = torch.zeros(3, 3)
    assert (cos2(gram), share(gram), effective(gram)) == (0, 0, 0)


def test_figures_are_means_of_each_latents_own():
    jacobians = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0))
    grams = jacobians.mT @ jacobians
    for of_all, of_one in ((off_diagonal_cos2, cos2), (off_diagonal_share, share), (effective_directions, effective)):
        assert of_all(grams).tolist() == pytest.approx([of_one(gram) for gram in grams])


def test_the_scores_of_a_linear_generator_are_those_of_its_matrix():
    """The same at every latent: G = JᵀJ with J the matrix along the directions in sigmas."""
    generator = Linear(depth=2)
    directions = direction_set(torch.eye(4)[:3], "w", [1.0, 2.0, 0.5])
    found = measure_directions(generator, directions, latents=5)
    jacobian = generator.matrix.detach().sum(dim=0)[:, :3] * directions.sigmas
    gram = jacobian.T @ jacobian
    torch.testing.assert_close(found.grams, gram.expand(5, 3, 3), rtol=1e-3, atol=1e-4)
    variance = image_variance(generator, 0, Processes(progress=False))
    torch.testing.assert_close(found.activities, (gram.diagonal() / variance).expand(5, 3), rtol=1e-3, atol=1e-5)
    wanted = {"off_diagonal_cos2": cos2(gram), "off_diagonal_share": share(gram), "effective_directions": effective(gram)}
    wanted["activity"] = gram.diagonal().mean().item() / variance
    assert found.scores == pytest.approx(wanted, rel=1e-3)


def test_directions_on_different_layers_are_measured_together():
    generator = Linear(depth=2)
    directions = direction_set(torch.eye(4)[[0, 0]], "w", layers=[(0, 1), (1, 2)])
    found = measure_directions(generator, directions, latents=2)
    columns = generator.matrix.detach()[:, :, 0]
    torch.testing.assert_close(found.grams[0], columns @ columns.T, rtol=1e-3, atol=1e-4)


def test_layers_are_measured_beside_the_image():
    generator, directions = tiny_stylegan2(), direction_set(torch.eye(8)[:3], "w")
    found = measure_directions(generator, directions, latents=3, activations=(2, 4))
    alone = measure_directions(generator, directions, latents=3)
    assert found.layer_grams.shape == (2, 3, 3, 3) and alone.layer_grams.shape == (0, 3, 3, 3)
    torch.testing.assert_close(found.grams, alone.grams)
    assert found.scores == pytest.approx(alone.scores)


def test_scores_follow_their_directions_into_another_order():
    generator, directions = tiny_stylegan2(), direction_set(torch.eye(8)[:3], "w")
    found = measure_directions(generator, directions, latents=3, activations=(2,))
    turned = measure_directions(generator, directions.take([2, 0, 1]), latents=3, activations=(2,))
    again = found.take([2, 0, 1])
    for part in ("grams", "layer_grams", "activities"):
        torch.testing.assert_close(getattr(again, part), getattr(turned, part))
    assert again.on(directions).activity == tuple(again.activities.mean(dim=0).tolist())


def test_a_seed_decides_the_latents_and_the_variance_comes_from_as_many_samples_however_few_latents():
    generator, directions = tiny_stylegan2(), direction_set(torch.eye(8)[:2], "w")
    first, second, other = (measure_directions(generator, directions, 4, seed=seed) for seed in (0, 0, 1))
    assert first.scores == second.scores != other.scores
    few, many = (measure_directions(generator, directions, count).activities for count in (8, 64))
    torch.testing.assert_close(few, many[:8])  # the unit of activity is the same
    assert VARIANCE_SAMPLES > 64


def test_figures_are_measured_on_256_latents():
    assert HELD_OUT == 256


def test_activity_of_one_sigma_is_that_of_sines():
    space = LatentSpace(Separable(), "z")
    at_zero = Latents(torch.zeros(1, 6), None)
    changes = squared_change(space, at_zero, space.generator.q.detach(), batch_size=4)
    torch.testing.assert_close(changes, torch.full((6,), math.sin(1) ** 2))


def test_activities_are_changes_over_the_variance_of_images():
    generator = Separable()
    directions = direction_set(generator.q.detach()[:3])
    found = measure_directions(generator, directions, latents=4)
    variance = image_variance(generator, 0, Processes(progress=False))
    assert variance == pytest.approx(6 * (1 - math.exp(-2)) / 2, rel=0.05)  # of the sine of a standard normal, per pixel
    spaces = [LatentSpace(generator, space) for space in ("z", "w")]
    for space in spaces:  # the same wherever directions lie
        scores = measure_directions(generator, dataclasses.replace(directions, space=space.name), latents=4)
        torch.testing.assert_close(scores.activities, found.activities)


@pytest.mark.parametrize("batch_size", [7, 64, 1000])
def test_the_variance_does_not_depend_on_the_batch_size(batch_size):
    generator, alone = tiny_stylegan2(num_classes=2), Processes(progress=False)
    z = LatentSpace(generator, "z")
    found = image_variance(generator, 0, alone, batch_size)
    images = z.images(z.sample(VARIANCE_SAMPLES, rng(0, "image variance"))).double()
    assert found == pytest.approx(images.var(dim=0).sum().item(), rel=1e-6)


def test_activities_of_a_whole_separable_basis_are_equal_shares(monkeypatch):
    monkeypatch.setattr("orojar_finetune.measures.direction_set.HELD_OUT", 512)
    found = discover(Separable(), count=6, progress=False)
    assert max(found.activity) < 1.3 * min(found.activity)
    assert found.scores["activity"] == pytest.approx(sum(found.activity) / 6)


def test_images_with_nan_are_refused():
    generator = Linear()
    generator.matrix.data[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        measure_directions(generator, direction_set(torch.eye(4)[:2]), latents=2)
