from typing import final

import pytest
import torch
from torch.nn import functional as F

from linear import Linear, direction_set, seeded
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures.features import Extractor, load_features
from orojar_finetune.measures.preservation import preservation
from tiny import tiny_stylegan2


@final
class Pixels(Extractor):
    """The image as it is."""

    def extract(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


def test_it_is_the_mean_cosine_of_two_edits_with_the_image_before():
    generator = Linear(image_channels=3)
    generator.matrix.data /= 10  # within the range that features clamp to
    directions = direction_set(torch.eye(4)[:2], "z", [1.0, 0.5])
    found = preservation(generator, directions, Pixels(), seeded(), latents=6, batch_size=4)
    z = LatentSpace(generator, "z").sample(6, seeded()).values
    with torch.no_grad():
        for i, sigma in enumerate([1.0, 0.5]):
            step = 2 * sigma * torch.eye(4)[i]
            after = [F.cosine_similarity(generator(z).flatten(1), generator(z + s * step).flatten(1)) for s in (1, -1)]
            torch.testing.assert_close(found[:, i], (after[0] + after[1]) / 2)


def test_doing_nothing_keeps_everything():
    generator = Linear(image_channels=3)
    generator.matrix.data[:, :, 1] = 0
    found = preservation(generator, direction_set(torch.eye(4)[:2]), Pixels(), seeded(), latents=5)
    torch.testing.assert_close(found[:, 1], torch.ones(5))
    assert (found[:, 0] < 0.999).all()


def test_stronger_edits_keep_less():
    generator, directions = tiny_stylegan2(), direction_set(torch.eye(8)[:3], "w")
    keeps = [
        preservation(generator, directions, load_features("random"), seeded(), latents=16, strength=strength).mean()
        for strength in (0.5, 1.0, 2.0)
    ]
    assert keeps[0] > keeps[1] > keeps[2]


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_rgba_and_conditional_generators_have_it(channels):
    generator = tiny_stylegan2(num_classes=2, image_channels=channels)
    found = preservation(generator, direction_set(torch.eye(8)[:2], "w"), load_features("random"), seeded(), latents=3)
    assert found.shape == (3, 2) and found.isfinite().all()
