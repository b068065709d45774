"""Spaces as the methods see them; w+ gives every layer a vector of its own."""

import pytest
import torch

from orojar_finetune import Directions, discover, generate_edited
from orojar_finetune.discovery import METHODS
from orojar_finetune.latents.latent_space import LatentSpace
from quick import quick_config
from tiny import TINY, tiny_stylegan2

LAYERS, WIDTH = len(tiny_stylegan2().layers), 8


def rng():
    return torch.Generator().manual_seed(0)


def test_a_step_in_w_plus_that_is_the_same_for_all_layers_is_one_in_w():
    generator = tiny_stylegan2()
    w, plus = LatentSpace(generator, "w"), LatentSpace(generator, "w+")
    assert torch.equal(w.sample(3, rng()).values, plus.sample(3, rng()).values)
    step = torch.randn(3, WIDTH, generator=rng())
    assert plus.size == LAYERS * WIDTH
    torch.testing.assert_close(plus.moves(step.repeat(1, LAYERS)), w.moves(step))


def test_a_step_in_w_plus_moves_each_layer_by_its_own_part_and_leaves_layers_out_of_range():
    generator = tiny_stylegan2()
    space = LatentSpace(generator, "w+", (1, 3))
    step = torch.arange(2.0 * WIDTH)[None]
    moved = space.moves(step)
    assert space.size == 2 * WIDTH
    assert torch.equal(moved[0, 1:3], step.view(2, WIDTH))
    assert not moved[0, 0].any() and not moved[0, 3:].any()
    assert torch.equal(space.whole(step).view(LAYERS, WIDTH), moved[0])


def test_the_layers_of_w_plus_vary_independently_as_in_style_mixing():
    generator = tiny_stylegan2()
    one, all_of_them = (LatentSpace(generator, name).covariance(rng()) for name in ("w", "w+"))
    blocks = all_of_them.view(LAYERS, WIDTH, LAYERS, WIDTH)
    for i in range(LAYERS):
        for j in range(LAYERS):
            torch.testing.assert_close(blocks[i, :, j], one if i == j else torch.zeros_like(one))


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"sefa", "ganspace"}))
def test_directions_in_w_plus_are_found_saved_and_applied(method, tmp_path):
    generator = tiny_stylegan2()
    found = discover(generator, quick_config(method), space="w+", progress=False)
    assert found.space == "w+" and found.basis.shape == (3, LAYERS * WIDTH)
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(3), atol=1e-4, rtol=0)
    found.save(tmp_path)
    again = Directions.load(tmp_path)
    assert again.digest == found.digest
    ws = generator.map(generator.sample_latents(2, rng()))
    step = (again.apply(ws, {1: 2.0}) - ws)[0]
    torch.testing.assert_close(step.flatten(), 2 * found.sigmas[1] * found.basis[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(again.moves(LAYERS)[1], step / 2, atol=1e-5, rtol=1e-4)
    z = generator.sample_latents(2, rng())
    expected = generator.synthesize(again.apply(generator.map(z), {0: 1.0}))
    torch.testing.assert_close(generate_edited(generator, z, again, {0: 1.0}), expected)


def test_a_range_of_layers_of_w_plus_stays_zero_elsewhere():
    found = discover(tiny_stylegan2(), quick_config(), space="w+", layers=(0, 2), progress=False)
    rows = found.basis.view(3, LAYERS, WIDTH)
    assert rows[:, :2].abs().sum() > 0 and not rows[:, 2:].any()
    assert found.layers == ((0, 2),) * 3


def test_sets_of_w_plus_refuse_latents_of_another_shape():
    found = discover(tiny_stylegan2(), method="random", space="w+", count=2, progress=False)
    with pytest.raises(ValueError, match=r"directions in w\+ of width"):
        found.apply(torch.zeros(1, LAYERS + 1, WIDTH), {0: 1.0})


@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_methods_that_have_nothing_to_say_of_w_plus_ask_for_w(method):
    with pytest.raises(ValueError, match="choose the space w"):
        discover(tiny_stylegan2(), method=method, space="w+", progress=False)


def test_generators_without_w_have_no_w_plus():
    with pytest.raises(ValueError, match=r"has the spaces \('z',\), not 'w\+'"):
        discover(TINY["dcgan"](), space="w+", progress=False)


def test_sigmas_are_standard_deviations_along_directions():
    space = LatentSpace(tiny_stylegan2(), "w")
    basis = torch.linalg.qr(torch.randn(WIDTH, 3, generator=rng()))[0].T.contiguous()
    along = space.sample(8192, rng()).values[:, 0] @ basis.T
    torch.testing.assert_close(space.sigmas(basis, rng()), along.std(dim=0), rtol=1e-3, atol=0)


def test_parts_of_z_and_layers_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="part 'coarse': stylegan2 does not divide"):
        LatentSpace(tiny_stylegan2(), "z", part="coarse")
    with pytest.raises(ValueError, match="reach past the 6 layers"):
        LatentSpace(tiny_stylegan2(), "w", layers=(2, 9))
