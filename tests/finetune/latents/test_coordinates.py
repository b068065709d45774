import pytest
import torch

from linear import Linear, direction_set, seeded
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.latents.coordinates import Coordinates, latent_axes
from orojar_finetune.latents.latent_space import LatentSpace
from tiny import tiny_biggan, tiny_biggan_deep, tiny_stylegan2


def test_coordinates_of_axes_are_those_of_z():
    generator = Linear()
    z = generator.sample_latents(5, seeded())
    coordinates = Coordinates.of(generator, latent_axes(generator), seeded())
    torch.testing.assert_close(coordinates.read(z), z.double())


def test_coordinates_are_in_sigmas_from_the_mean():
    generator = Linear(stretch=3.0)
    directions = direction_set(random_basis(2, 4, seed=1), "w", [3.0, 3.0])
    coordinates = Coordinates.of(generator, directions, seeded())
    torch.testing.assert_close(coordinates.center.float(), generator.shift[0].detach(), atol=0.15, rtol=0)
    found = coordinates.read(LatentSpace(generator, "w").sample(4000, seeded(1)).values)
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(2).double(), atol=0.1, rtol=0)
    torch.testing.assert_close(found.std(dim=0), torch.ones(2).double(), atol=0.05, rtol=0)


def test_a_coordinate_that_is_set_is_read_and_the_others_stay():
    generator = Linear(depth=2)
    directions = direction_set(random_basis(3, 4, seed=1), "w", [0.5, 2.0, 1.0])
    coordinates = Coordinates.of(generator, directions, seeded())
    ws = LatentSpace(generator, "w").sample(6, seeded(1)).values
    which, values = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([-2.0, 0.0, 2.0, 1.0, -1.0, 0.5])
    found = coordinates.read(coordinates.set(ws, which, values))
    expected = coordinates.read(ws)
    expected[torch.arange(6), which] = values.double()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_in_w_plus_a_coordinate_is_of_all_layers_together():
    generator = tiny_stylegan2()
    width = len(generator.layers) * generator.w_size
    directions = direction_set(random_basis(3, width, seed=1), "w+", [0.5, 2.0, 1.0])
    coordinates = Coordinates.of(generator, directions, seeded())
    ws = LatentSpace(generator, "w+").sample(3, seeded(1)).values
    expected = coordinates.read(ws)
    found = coordinates.read(directions.apply(ws, {1: 0.5}))
    torch.testing.assert_close(found - expected, torch.tensor([[0, 0.5, 0]]).expand(3, 3).double(), atol=1e-5, rtol=0)
    values = torch.tensor([1.0, -2.0, 0.0])
    set_ = coordinates.set(ws, torch.arange(3), values)
    torch.testing.assert_close(coordinates.read(set_).diagonal(), values.double(), atol=1e-5, rtol=0)


def test_setting_an_axis_of_z_is_writing_the_number():
    generator = Linear()
    z = generator.sample_latents(50, seeded())
    which = torch.arange(50) % 4
    found = Coordinates.of(generator, latent_axes(generator), seeded()).set(z, which, torch.full((50,), 0.1))
    expected = z.clone()
    expected[torch.arange(50), which] = 0.1
    assert torch.equal(found, expected)


def test_only_the_layers_of_a_direction_are_set():
    generator = Linear(depth=3)
    directions = direction_set(torch.eye(4)[:2], "w", layers=[(1, 2), None])
    coordinates = Coordinates.of(generator, directions, seeded())
    ws = LatentSpace(generator, "w").sample(2, seeded()).values
    moved = coordinates.set(ws, torch.tensor([0, 1]), torch.tensor([9.0, 9.0]))
    changed = (moved != ws).any(dim=2)
    assert changed.tolist() == [[False, True, False], [True, True, True]]
    torch.testing.assert_close(coordinates.read(moved).diagonal(), torch.full((2,), 9.0).double(), atol=1e-5, rtol=0)


def test_directions_that_no_latent_varies_along_read_0():
    directions = direction_set(torch.eye(4)[:2], sigmas=[0.0, 1.0])
    z = torch.ones(1, 4)
    assert Coordinates.of(Linear(), directions, seeded()).read(z).tolist() == [[0.0, 1.0]]


def test_axes_have_the_deviation_that_the_family_draws():
    generator = tiny_biggan_deep()
    assert latent_axes(generator).sigmas.tolist() == pytest.approx([generator.latent_sigma] * generator.latent_size)


def test_axes_of_a_part_are_some_of_all():
    generator = tiny_biggan()
    part, (first, end) = next(iter(generator.latent_ranges.items()))
    axes = latent_axes(generator, part)
    assert axes.names == tuple(f"z {i}" for i in range(first, end))
    assert torch.equal(axes.basis, torch.eye(generator.latent_size)[first:end])
    with pytest.raises(ValueError, match="part 'nothing'"):
        latent_axes(generator, "nothing")
