import math

import pytest
import torch
from torch.nn import functional as F

from orojar_finetune.sprites import FACTORS
from paper_measures import effects
from paper_reader import Reading


class Coordinates:
    """A generator whose pictures are its latents, four of them."""

    latent_size, latent_sigma = 4, 1.0

    def __init__(self, shape_follows=False):
        self.shape_follows = shape_follows

    def sample_latents(self, count, rng):
        return torch.randn(count, 4, generator=rng)

    def __call__(self, z):
        return z


class Eye:
    """Reads scale, x and y off the first three numbers, the angle off the last; it errs as it is told to."""

    def __init__(self, errors=0.0):
        self.squared_errors = torch.full((5,), errors)

    def __call__(self, z):
        shapes = F.one_hot(torch.zeros(len(z), dtype=torch.long), 3).float()
        angle = z[:, 3, None]
        return Reading(shapes, z[:, :3], torch.stack([angle.cos(), angle.sin()], dim=2).expand(-1, 3, 2))


def test_one_sigma_of_a_factors_own_coordinate_has_the_effect_of_one_variance():
    found = effects(Coordinates(), Eye(1e-9), latents=2048)
    assert found.shape == (4, len(FACTORS))
    own = [found[0, FACTORS.index("scale")], found[1, FACTORS.index("x")], found[2, FACTORS.index("y")]]
    assert own == pytest.approx([1, 1, 1], rel=0.1)
    # a turn by one radian, over the variance of a normal angle's point on the circle
    turned = (2 - 2 * math.cos(1)) / (1 - math.exp(-1))
    assert found[3, FACTORS.index("orientation")] == pytest.approx(turned, rel=0.1)


def test_coordinates_have_no_effect_on_what_they_do_not_move():
    found = effects(Coordinates(), Eye(1e-9), latents=64)
    moved = [[name for name, effect in zip(FACTORS, row, strict=True) if effect > 1e-6] for row in found.tolist()]
    assert moved == [["scale"], ["x"], ["y"], ["orientation"]]


def test_effects_are_no_larger_than_in_units_of_the_readers_errors():
    found = effects(Coordinates(), Eye(10.0), latents=512)
    assert found[0, FACTORS.index("scale")] == pytest.approx(0.1, rel=0.01)
