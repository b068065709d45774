import pytest
import torch
from torch import Tensor

from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.ground_truth import (
    NEGLIGIBLE,
    disentanglement_completeness,
    effects_by_latent,
    ground_truth,
    unmoved,
)
from orojar_finetune.scenes.reader import load_reader
from orojar_finetune.scenes.rendering import FACTORS
from perfect_scenes import PerfectScenes


def directions(basis: Tensor, space: str = "w") -> Directions:
    count = len(basis)
    names = tuple(f"direction {i}" for i in range(count))
    return Directions(basis, torch.ones(count), space, "given", names, (None,) * count, (0.0,) * count)


def effect_matrix(generator, found: Directions, latents: int = 256, batch_size: int = 64) -> Tensor:
    return effects_by_latent(generator, found, load_reader(), latents, batch_size=batch_size).mean(dim=0).float()


@pytest.mark.parametrize("space", ["z", "w"])
def test_the_latents_of_perfect_scenes_move_one_factor_each(space):
    effects = effect_matrix(PerfectScenes(), directions(torch.eye(7), space), latents=128)
    assert torch.equal(effects.argmax(dim=1), torch.arange(7))
    # a step of one standard deviation, squared, is one variance; in 128 samples the latter is known to an eighth
    torch.testing.assert_close(effects.diag(), torch.ones(7), rtol=0.4, atol=0)
    assert (effects - effects.diag().diag()).max() < 0.1
    disentanglement, completeness = disentanglement_completeness(effects)
    assert disentanglement > 0.9 and completeness > 0.9
    assert unmoved(effects) == []


def test_the_matrix_is_the_mean_of_what_happens_at_each_latent():
    generator, two = PerfectScenes(num_classes=2), directions(torch.eye(7)[:2])
    effects = effects_by_latent(generator, two, load_reader(), latents=64)
    assert effects.shape == (64, 2, 7)
    assert (effects >= 0).all() and (effects[:, 0, 0] > effects[:, 0, 1:].amax(dim=1)).all()
    truth = ground_truth(generator, two, latents=64)
    torch.testing.assert_close(truth.effects, effects.mean(dim=0).float())
    assert (truth.disentanglement, truth.completeness) == disentanglement_completeness(truth.effects)
    assert truth.unmoved == tuple(unmoved(truth.effects))


def test_a_turned_pair_of_latents_shares_two_factors():
    turned = torch.eye(7)[[0, 1]]
    turned[:, :2] = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
    effects = effect_matrix(PerfectScenes(), directions(turned))
    torch.testing.assert_close(effects[:, :2], torch.full((2, 2), 0.5), rtol=0.3, atol=0)
    assert unmoved(effects) == list(FACTORS[2:])


def test_batches_do_not_change_how_much_is_measured():
    few = effect_matrix(PerfectScenes(), directions(torch.eye(7)[:1]), latents=100, batch_size=100)
    many = effect_matrix(PerfectScenes(), directions(torch.eye(7)[:1]), latents=100, batch_size=7)
    assert many[0, 0].item() == pytest.approx(few[0, 0].item(), rel=0.4)  # other latents, as many


def test_classes_are_drawn_for_conditional_generators():
    effects = effect_matrix(PerfectScenes(num_classes=3), directions(torch.eye(7)[:1]), latents=8)
    assert effects[0].argmax() == 0


def test_a_factor_that_never_changes_is_not_blown_up_by_the_readers_errors():
    still = FACTORS.index("x")
    effects = effect_matrix(PerfectScenes(still=still), directions(torch.eye(7)), latents=64)
    assert effects[still].max() < 0.01
    assert effects[:, still].max() < 2


def test_negligible_effects_are_larger_than_what_the_readers_errors_alone_give():
    """Two readings with independent errors differ by twice the squared error; a uniform factor has the variance 1/12."""
    floor = 2 * load_reader().squared_errors / (1 / 12)
    assert floor.min() > 0 and floor.max() < NEGLIGIBLE


def test_one_factor_a_direction_is_disentangled_and_complete():
    assert disentanglement_completeness(torch.eye(4)[[2, 0, 3, 1]] * 5) == pytest.approx((1, 1))


def test_everything_moving_everything_is_neither():
    assert disentanglement_completeness(torch.ones(5, 3)) == pytest.approx((0, 0), abs=1e-12)


def test_two_directions_for_one_factor_are_disentangled_and_half_complete():
    """Columns: one shared by two of four directions (entropy log 2 of log 4), weight 2/4; two of their own, weight 1/4 each."""
    effects = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert disentanglement_completeness(effects) == pytest.approx((1, 2 / 4 * 1 / 2 + 2 / 4))


def test_a_direction_that_moves_two_factors_is_complete_and_weighted_by_its_effects():
    """Rows: two of four factors (entropy log 2 of log 4), weight 6/8; one, weight 2/8."""
    effects = torch.tensor([[3.0, 3, 0, 0], [0, 0, 2, 0]])
    assert disentanglement_completeness(effects) == pytest.approx((6 / 8 * 1 / 2 + 2 / 8, 1))


def test_directions_and_factors_without_effect_weigh_nothing():
    effects = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert disentanglement_completeness(effects) == pytest.approx((1, 1))
    assert disentanglement_completeness(torch.zeros(3, 3)) == (0, 0)


def test_one_direction_alone_is_complete():
    assert disentanglement_completeness(torch.tensor([[1.0, 1.0]])) == pytest.approx((0, 1), abs=1e-12)


def test_factors_under_the_threshold_are_named():
    effects = torch.tensor([[0.5, 0.01, 0.04], [0.0, 0.02, 0.2]])
    assert unmoved(effects, 0.1, ("hue", "x", "y")) == ["x"]
    assert unmoved(effects, 0.3, ("hue", "x", "y")) == ["x", "y"]


def test_what_cannot_be_read_is_refused():
    gray = PerfectScenes()
    gray.image_channels = 1
    with pytest.raises(ValueError, match="RGB images, this generator makes 1 channels"):
        effect_matrix(gray, directions(torch.eye(7)))
    with pytest.raises(ValueError, match="at least 2"):
        effect_matrix(PerfectScenes(), directions(torch.eye(7)), latents=1)
