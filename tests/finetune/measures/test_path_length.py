import copy
import math

import pytest
import torch

from linear import Linear, direction_set, seeded
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.measures.distances import PIXEL_FACTOR, load_distance
from orojar_finetune.measures.path_length import (
    lerp,
    path_length,
    path_length_along,
    slerp,
    traversal_length,
    trimmed_mean,
)
from separable import Separable
from tiny import tiny_biggan, tiny_pggan, tiny_stylegan2

PIXELS = load_distance("pixels")


def latents(count: int, size: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, size, generator=seeded(seed)).double()


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("epsilon", [1e-4, 0.1])
def test_in_w_the_path_of_a_linear_generator_is_its_straight_line(num_classes, epsilon):
    """At every place the same; both ends are of one class, whose shift then falls out."""
    generator = Linear(num_classes=num_classes, stretch=2.0)
    found = path_length(generator, "w", PIXELS, seeded(), pairs=10, epsilon=epsilon, batch_size=4)
    first, last = generator.sample_latents(20, seeded()).split(10)
    expected = PIXEL_FACTOR * (2 * (last - first) @ generator.matrix[0].detach().T).square().mean(dim=1)
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=0)


def test_in_z_it_follows_the_arc_at_the_radius_of_the_latents():
    """The squared speed along an arc whose radius goes evenly from one length to the other."""
    generator = Linear()
    columns = torch.linalg.qr(latents(16, 4))[0]
    generator.matrix.data[0] = 4 * columns.float()  # the mean square over 16 pixels is then the squared length
    found = path_length(generator, "z", PIXELS, seeded(), pairs=200)
    rng = seeded()
    first, last = generator.sample_latents(400, rng).double().split(200)
    t = torch.rand(200, generator=rng).double()
    radii = first.norm(dim=1), last.norm(dim=1)
    angle = ((first * last).sum(dim=1) / radii[0] / radii[1]).acos()
    expected = (angle * torch.lerp(*radii, t)).square() + (radii[1] - radii[0]).square()
    torch.testing.assert_close(found.double(), PIXEL_FACTOR * expected, rtol=5e-3, atol=0)


def test_batches_change_nothing():
    generator = tiny_stylegan2(num_classes=2)
    found = [path_length(generator, "z", PIXELS, seeded(), 7, 1e-2, batch_size) for batch_size in (2, 64)]
    torch.testing.assert_close(*found, rtol=1e-3, atol=0)


@pytest.mark.parametrize("space", ["z", "w"])
def test_float32_is_enough_for_the_usual_step(space):
    generator = tiny_stylegan2()
    single = path_length(generator, space, PIXELS, seeded(), pairs=50)
    double = path_length(copy.deepcopy(generator).double(), space, PIXELS, seeded(), pairs=50)
    torch.testing.assert_close(single, double, rtol=0.05, atol=1e-5)
    assert single.mean().item() == pytest.approx(double.mean().item(), rel=0.01)


def test_networks_that_normalize_z_have_paths_of_their_directions_alone():
    """ProGAN's does: with latents ten times as long it has the same paths."""
    generator = tiny_pggan()
    once = path_length(generator, "z", PIXELS, seeded(), pairs=20, epsilon=1e-2)
    longer = path_length(generator, "z", lambda a, b: PIXELS(a, b), scaled_draws(generator, 10.0), pairs=20, epsilon=1e-2)
    torch.testing.assert_close(once, longer, rtol=2e-2, atol=0)


def scaled_draws(generator, factor: float) -> torch.Generator:
    """Makes a generator draw latents so many times as long."""
    sample = type(generator).sample_latents
    generator.sample_latents = lambda count, rng=None: factor * sample(generator, count, rng)
    return seeded()


def test_spaces_and_steps_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="not 'w'"):
        path_length(tiny_biggan(), "w", PIXELS, seeded())
    with pytest.raises(ValueError, match="above 0, got 0"):
        path_length(Linear(), "z", PIXELS, seeded(), epsilon=0)
    with pytest.raises(ValueError, match="pairs must be at least 1"):
        path_length(Linear(), "z", PIXELS, seeded(), pairs=0)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        traversal_length(Linear(), direction_set(torch.eye(4)), PIXELS, seeded(), steps=0)


@pytest.mark.parametrize("space", ["z", "w"])
def test_along_directions_of_a_linear_generator_it_is_their_squared_effect(space):
    generator, basis = Linear(image_channels=3), random_basis(2, 4, seed=2)
    found = path_length_along(generator, direction_set(basis, space, [1.0, 3.0]), PIXELS, seeded(), latents=5, epsilon=1e-2)
    effect = (generator.matrix[0].detach() @ basis.T).square().mean(dim=0) * torch.tensor([1.0, 9.0])
    torch.testing.assert_close(found, PIXEL_FACTOR * effect.expand(5, -1), rtol=1e-3, atol=0)


@pytest.mark.parametrize("steps", [1, 2, 24])
def test_the_length_of_a_straight_traversal_does_not_depend_on_its_steps(steps):
    generator, basis = Linear(), random_basis(2, 4, seed=2)
    directions = direction_set(basis, "w", [1.0, 3.0])
    found = traversal_length(generator, directions, PIXELS, seeded(), latents=3, reach=2, steps=steps, batch_size=2)
    effect = (generator.matrix[0].detach() @ basis.T).square().mean(dim=0).sqrt() * torch.tensor([1.0, 3.0])
    torch.testing.assert_close(found, (4 * PIXEL_FACTOR**0.5 * effect).expand(3, -1), rtol=1e-4, atol=0)


def test_a_path_that_turns_back_is_longer_than_the_way_between_its_ends():
    """One pixel of 36 follows a sine over one whole period: there and back twice, four times its height."""
    generator = Separable()
    directions = direction_set(generator.q.detach()[:1], sigmas=[math.pi / 2])
    found = traversal_length(generator, directions, PIXELS, seeded(), latents=20, reach=2, steps=200)
    torch.testing.assert_close(found, torch.full((20, 1), 4 * (PIXEL_FACTOR / 36) ** 0.5), rtol=2e-3, atol=0)


def test_conditional_generators_without_w_have_traversals():
    generator = tiny_biggan()
    directions = direction_set(torch.eye(generator.latent_size)[:2])
    for measure in (path_length_along, traversal_length):
        found = measure(generator, directions, PIXELS, seeded(), latents=3)
        assert found.shape == (3, 2) and found.isfinite().all() and (found > 0).all()


def test_a_trimmed_mean_leaves_out_what_lies_beyond_its_quantiles():
    values = torch.cat([torch.arange(1.0, 100.0), torch.tensor([-1e6, 1e6])])
    assert trimmed_mean(values).item() == 50
    assert trimmed_mean(values.view(1, -1), part=0).item() == pytest.approx(values.mean().item())


def test_arcs_begin_and_end_at_their_ends_and_turn_evenly():
    a, b = latents(20), latents(20, seed=1)
    torch.testing.assert_close(slerp(a, b, torch.zeros(20).double()), a)
    torch.testing.assert_close(slerp(a, b, torch.ones(20).double()), b)
    third = slerp(a, b, torch.full((20,), 1 / 3).double())

    def angle(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cosine_similarity(x, y).acos()

    torch.testing.assert_close(angle(a, third), angle(a, b) / 3)
    torch.testing.assert_close(third.norm(dim=1), (2 * a.norm(dim=1) + b.norm(dim=1)) / 3)


def test_arcs_between_parallel_opposite_and_zero_vectors_are_finite():
    a, half = latents(2), torch.full((2,), 0.5).double()
    torch.testing.assert_close(slerp(a, 3 * a, half), 2 * a)
    assert slerp(a, -a, half).isfinite().all()
    assert slerp(a, 0 * a, half).isfinite().all()


def test_straight_lines_are_straight():
    a, b = latents(2).view(2, 5, 1), latents(2, seed=1).view(2, 5, 1)
    t = torch.tensor([0.25, 1.0]).double()
    torch.testing.assert_close(lerp(a, b, t), torch.stack([0.75 * a[0] + 0.25 * b[0], b[1]]))
