import math

import pytest
import torch
from torch.nn import functional as F

from orojar_finetune.sprites import FACTORS
from paper_measures import effects, orthogonality_of_layers, penalties
from paper_networks import penalised_layers, small_generator
from paper_presets import PENALTIES
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


def test_orthogonality_of_layers_is_that_of_the_kernels_where_the_only_penalised_layer_is_the_first():
    generator = small_generator((6, 4), latent_size=3, seed=0)
    assert penalised_layers(generator) == (0,)
    (kernel,) = (p for p in generator.synthesis[0].parameters() if p.ndim == 4)
    rows = F.normalize(kernel.detach().double().flatten(1), dim=1)
    wanted = (rows @ rows.T).square()[~torch.eye(3, dtype=torch.bool)].mean().item()
    assert orthogonality_of_layers(generator) == pytest.approx(wanted, rel=1e-3)
    with torch.no_grad():
        kernel[1:] = kernel[:1]
    assert orthogonality_of_layers(generator) == pytest.approx(1.0)


def test_penalties_are_those_of_the_layers_at_the_same_latents_for_all():
    generator = small_generator((8, 8), 6, seed=0).eval()
    found = penalties(generator, batch=4)
    assert found.keys() == PENALTIES.keys() and found == penalties(generator, batch=4)
    assert min(found.values()) > 0
    with torch.no_grad():  # the only layer of the three that is penalised is linear in z
        next(generator.parameters()).mul_(2)
    larger = penalties(generator, batch=4)
    assert penalised_layers(generator) == (0,)
    assert larger["orojar"] == pytest.approx(16 * found["orojar"], rel=1e-3)
    assert larger["orojar scale-free"] == pytest.approx(found["orojar scale-free"], rel=1e-3)
    assert found["hessian"] < 1e-6 * found["orojar"]
