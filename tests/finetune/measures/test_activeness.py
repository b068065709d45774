import math

import pytest
import torch

from linear import Linear, direction_set, seeded
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.latents.coordinates import latent_axes
from orojar_finetune.measures.activeness import activeness
from separable import Separable
from tiny import tiny_biggan, tiny_dcgan, tiny_stylegan2


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_of_a_linear_generator_it_is_four_times_the_mean_square_of_a_column(channels):
    """-2c, 0 and 2c have the variance (4 + 0 + 4) c² / 2, wherever they lie."""
    generator = Linear(image_channels=channels)
    expected = 4 * generator.matrix[0].detach().square().mean(dim=0)
    found = activeness(generator, latent_axes(generator), seeded(), latents=5)
    torch.testing.assert_close(found, expected.expand(5, -1))


def test_coordinates_are_set_not_moved():
    """Pixel i is the sine of coordinate i alone: at -2, 0 and 2 the same for every latent."""
    generator = Separable()
    found = activeness(generator, direction_set(generator.q.detach()), seeded(), latents=7)
    torch.testing.assert_close(found, torch.full((7, 6), math.sin(2) ** 2 / 36))


def test_it_is_what_the_authors_compute():
    generator = tiny_dcgan(small_gan=True)
    z = generator.sample_latents(20, seeded())
    expected = []
    for i in range(generator.latent_size):
        images = []
        for value in (-2, 0, 2):
            changed = z.clone()
            changed[:, i] = value
            images.append(generator(changed).detach())
        expected.append(torch.stack(images).numpy().var(axis=0, ddof=1).mean())
    found = activeness(generator, latent_axes(generator), seeded(), latents=20, batch_size=6).mean(dim=0)
    torch.testing.assert_close(found, torch.tensor(expected))


def test_sigmas_and_directions_count():
    generator = Linear(stretch=2.0)
    basis = random_basis(2, 4, seed=3)
    moved = (generator.matrix[0].detach() @ basis.T).square().mean(dim=0)
    for space, scale in (("z", 4.0), ("w", 1.0)):
        found = activeness(generator, direction_set(basis, space, [1.0, 3.0]), seeded(), latents=3)
        torch.testing.assert_close(found.mean(dim=0), 4 * scale * moved * torch.tensor([1.0, 9.0]))


def test_only_the_layers_of_a_direction_count():
    generator = Linear(depth=2)
    found = activeness(generator, direction_set(torch.eye(4)[:1], "w", layers=[(1, 2)]), seeded(), latents=3)
    expected = 4 * generator.matrix[1, :, :1].detach().square().mean()
    torch.testing.assert_close(found, expected.expand(3, 1))


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_batches_change_nothing(batch_size):
    generator = tiny_stylegan2(num_classes=2)
    directions = direction_set(torch.eye(8)[:2], "w")
    found = activeness(generator, directions, seeded(), latents=5, batch_size=batch_size)
    torch.testing.assert_close(found, activeness(generator, directions, seeded(), latents=5), rtol=1e-4, atol=1e-7)


def test_classes_are_drawn_for_conditional_generators():
    generator = tiny_biggan()
    found = activeness(generator, latent_axes(generator), seeded(), latents=2)
    assert found.shape == (2, generator.latent_size) and (found > 0).all()
