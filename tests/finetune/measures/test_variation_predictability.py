from collections.abc import Sequence
from typing import final

import pytest
import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from linear import Linear, direction_set, seeded
from orojar_adapters import Generator, Layer, Noise
from orojar_finetune.latents.coordinates import Coordinates, is_all_of_z, latent_axes
from orojar_finetune.measures.variation_predictability import Pairs, generated_pairs, pair_network, predictability
from tiny import tiny_biggan, tiny_stylegan2


@final
class Painter(Generator):
    """Four quarters of a picture, each as bright as its coordinate says, or all of them gray."""

    family = "painter"
    spaces = ("z",)

    @register_to_config
    def __init__(self, paints: bool = True, image_channels: int = 1) -> None:
        super().__init__()
        self.resolution, self.image_channels, self.num_classes = 8, image_channels, 0
        self.latent_size = self.w_size = 4
        self.brightness = nn.Parameter(torch.tensor(0.5 if paints else 0.0))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "all", self.resolution),)

    def map(self, z: Tensor, labels: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return z[:, None]

    def synthesize_with_activations(
        self, ws: Tensor, activations: Sequence[int], noise: Noise = "const", labels: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        quarters = (ws * self.brightness).view(-1, 1, 2, 2).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
        return quarters.expand(-1, self.image_channels, -1, -1), []

    def modulation_weights(self) -> list[Tensor]:
        return [torch.eye(4)]


@pytest.fixture(scope="module")
def painted():
    return generated_pairs(Painter(), None, seeded(), count=800)


def test_all_axes_of_z_are_known_from_others():
    generator = Painter()
    axes = latent_axes(generator)
    assert is_all_of_z(axes, generator)
    assert not is_all_of_z(axes.take([0, 1, 2]), generator)
    assert not is_all_of_z(axes.take([1, 0, 2, 3]), generator)
    assert not is_all_of_z(direction_set(torch.eye(8), "w"), tiny_stylegan2())


@pytest.fixture(scope="module")
def few(painted):
    return Pairs(painted.images[:60], painted.changed[:60], painted.directions)


@pytest.mark.parametrize(("sees", "well"), [("both", 0.75), ("difference", 0.9)])
def test_coordinates_that_paint_other_places_are_told_apart(painted, sees, well):
    """Not always: some pairs hardly differ, and two images take longer to compare than to subtract."""
    found = predictability(painted, epochs=4, train_share=0.75, sees=sees)
    assert found.chance == 0.25
    assert found.best > well
    assert found.best == max(found.accuracies) and found.last == found.accuracies[-1] and len(found.accuracies) == 4


def test_what_is_not_painted_is_guessed():
    pairs = generated_pairs(Painter(paints=False), None, seeded(), count=600)
    found = predictability(pairs, epochs=3, train_share=0.4)
    assert found.best < 0.25 + 4 * (0.25 * 0.75 / 360) ** 0.5


def test_pairs_differ_where_their_coordinate_paints_and_nowhere_else(painted):
    quarters = painted.images[:, :, 0, ::4, ::4].flatten(2)
    differs = quarters[:, 0] != quarters[:, 1]
    assert differs.sum(dim=1).max() == 1
    assert torch.equal(differs.long().argmax(dim=1)[differs.any(dim=1)], painted.changed[differs.any(dim=1)])
    assert differs.any(dim=1).double().mean() > 0.95  # two strengths seldom round to one byte
    assert painted.changed.bincount(minlength=4).min() > 100


def test_all_coordinates_are_uniform_in_two_sigmas_as_in_the_paper(painted):
    """Brightness is half of the coordinate: from black to white, each as often as any other."""
    shown = painted.images[:, :, 0, ::4, ::4].flatten().double() / 127.5 - 1
    assert shown.min() < -0.98 and shown.max() > 0.98
    assert shown.var().item() == pytest.approx(1 / 3, rel=0.1)


def test_directions_keep_the_rest_of_a_latent():
    generator = Linear(size=4, image_channels=3, depth=2)
    generator.matrix.data /= 10
    directions = direction_set(torch.eye(4)[:2], "w", [1.0, 0.5], layers=[(0, 1), None])
    pairs = generated_pairs(generator, directions, seeded(), count=40, batch_size=16)
    assert pairs.directions == 2 and pairs.images.shape == (40, 2, 3, 4, 4) and len(pairs) == 40
    images = pairs.images.double() / 127.5 - 1
    moved = (images[:, 0] - images[:, 1]).flatten(1)
    for i, column in enumerate([generator.matrix[0, :, 0], generator.matrix[:, :, 1].sum(dim=0)]):
        column = column.detach().double()
        rows = moved[pairs.changed == i]
        along = rows @ column / column.square().sum()
        torch.testing.assert_close(rows, along[:, None] * column, atol=2 / 127.5, rtol=0)


def test_strengths_are_uniform_in_two_sigmas():
    seen = []

    class Watched(Coordinates):
        def set(self, latents: Tensor, which: Tensor, values: Tensor) -> Tensor:
            seen.append(values)
            return super().set(latents, which, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orojar_finetune.measures.variation_predictability.Coordinates", Watched)
        generated_pairs(Linear(), direction_set(torch.eye(4)), seeded(), count=4000)
    strengths = torch.cat(seen)
    assert strengths.abs().max() <= 2
    assert strengths.var().item() == pytest.approx(16 / 12, rel=0.05)
    assert strengths.mean().item() == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_pairs_do_not_depend_on_the_batch(batch_size):
    generator = tiny_stylegan2(num_classes=2)
    directions = direction_set(torch.eye(8)[:3], "w")
    one = generated_pairs(generator, directions, seeded(), count=9, batch_size=batch_size)
    other = generated_pairs(generator, directions, seeded(), count=9)
    assert torch.equal(one.changed, other.changed)
    assert (one.images.int() - other.images.int()).abs().max() <= 1


def test_large_images_are_averaged_down_when_asked():
    small = generated_pairs(Painter(), None, seeded(), count=8, resolution=2)
    whole = generated_pairs(Painter(), None, seeded(), count=8)
    assert torch.equal(small.images, whole.images[..., ::4, ::4])
    assert generated_pairs(Painter(), None, seeded(), count=8, resolution=99).images.shape[-1] == 8


def test_conditional_generators_have_pairs_of_one_class():
    generator = tiny_biggan()
    pairs = generated_pairs(generator, None, seeded(), count=12)
    assert pairs.directions == generator.latent_size
    found = predictability(pairs, epochs=1, train_share=0.5)
    assert 0 <= found.last <= 1 and found.chance == 1 / generator.latent_size


def test_learning_depends_on_the_seed_alone(few):
    state = torch.get_rng_state()
    one, again, other = (predictability(few, epochs=3, seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert one.accuracies != other.accuracies
    assert torch.equal(torch.get_rng_state(), state)


def test_the_network_is_the_papers():
    network = pair_network(6, 12, seed=0)
    kernels = [tuple(m.weight.shape) for m in network.modules() if type(m) is nn.Conv2d]
    assert kernels == [(64, 6, 7, 7), (64, 64, 3, 3), (128, 64, 3, 3), (256, 128, 3, 3)]
    assert network(torch.zeros(2, 6, 64, 64)).shape == (2, 12)
    assert network[:-3](torch.zeros(2, 6, 64, 64)).shape == (2, 256, 16, 16)


def test_a_last_batch_of_one_pair_is_left_out(few):
    found = predictability(few, epochs=1, train_share=33 / 60)
    assert len(found.accuracies) == 1


def test_what_cannot_be_learned_is_refused(painted):
    with pytest.raises(ValueError, match="must leave at least 2 to train on and 1 to test, got 1"):
        predictability(painted, train_share=1)
    with pytest.raises(ValueError, match=r"got 0\.001"):
        predictability(painted, train_share=0.001)
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        predictability(painted, epochs=0)
    with pytest.raises(ValueError, match="count must be at least 1"):
        generated_pairs(Painter(), None, seeded(), count=0)
