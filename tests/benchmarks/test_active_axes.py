import pytest
import torch

from active_axes import active_ones
from orojar_finetune.measures.coordinates import latent_axes
from tiny import tiny_pggan


@pytest.fixture
def generator():
    """A ProGAN whose coordinates of z do not shrink each other."""
    generator = tiny_pggan()
    generator.normalize_latents = False
    return generator


def test_idle_coordinates_are_left_out(generator):
    weight = generator.synthesis.layers[0].weight
    with torch.no_grad():
        weight[:, 2:] *= 1e-4
        weight[:, 1] = weight[:, 0]  # two coordinates that do the same
    found = active_ones(generator, latent_axes(generator))
    assert found["active ones"] == 2
    assert found["orthogonality of active ones"] > 0.9


def test_one_coordinate_alone_has_nobody_to_be_like(generator):
    with torch.no_grad():
        generator.synthesis.layers[0].weight[:, 1:] = 0
    assert active_ones(generator, latent_axes(generator)) == {"active ones": 1, "orthogonality of active ones": 0.0}


def test_active_ones_are_all_there(generator):
    assert active_ones(generator, latent_axes(generator))["active ones"] == generator.latent_size
