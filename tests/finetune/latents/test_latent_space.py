"""Spaces as the methods see them; w+ gives every layer a vector of its own."""

import pytest
import torch

from orojar_finetune import Directions, DiscoverConfig, discover, generate_edited
from orojar_finetune.discovery.discovering import measured
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures.held_out import rng as held_out_rng
from orojar_finetune.measures.held_out import scores, scores_of, space_of
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training.jacobian_penalty import moves
from tiny import TINY, tiny_stylegan2

LAYERS, WIDTH = len(tiny_stylegan2().layers), 8


def rng():
    return torch.Generator().manual_seed(0)


def test_a_step_in_w_plus_that_is_the_same_for_all_layers_is_one_in_w():
    generator = tiny_stylegan2()
    w, plus = LatentSpace(generator, "w"), LatentSpace(generator, "w+")
    anchors = w.sample(3, rng())
    assert torch.equal(anchors.latents, plus.sample(3, rng()).latents)
    step = torch.randn(3, WIDTH, generator=rng())
    assert plus.size == LAYERS * WIDTH
    torch.testing.assert_close(plus.move(anchors.latents, step.repeat(1, LAYERS)), w.move(anchors.latents, step))


def test_a_step_in_w_plus_moves_each_layer_by_its_own_part_and_leaves_layers_out_of_range():
    generator = tiny_stylegan2()
    space = LatentSpace(generator, "w+", (1, 3))
    still = torch.zeros(1, LAYERS, WIDTH)
    step = torch.arange(2.0 * WIDTH)[None]
    moved = space.move(still, step)
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


@pytest.mark.parametrize("method", ["orojar-jd", "jacobian", "random", "axes"])
def test_directions_in_w_plus_are_found_saved_and_applied(method, tmp_path):
    generator = tiny_stylegan2()
    found = discover(generator, method=method, space="w+", count=3, latents=4, held_out=2, progress=False)
    assert found.space == "w+" and found.basis.shape == (3, LAYERS * WIDTH)
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(3), atol=1e-4, rtol=0)
    found.save(tmp_path)
    again = Directions.load(tmp_path)
    assert again.digest == found.digest
    ws = generator.map(generator.sample_latents(2, rng()))
    step = (again.apply(ws, {1: 2.0}) - ws)[0]
    torch.testing.assert_close(step.flatten(), 2 * found.sigmas[1] * found.basis[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moves(generator, again)[1], step / 2, atol=1e-5, rtol=1e-4)
    z = generator.sample_latents(2, rng())
    expected = generator.synthesize(again.apply(generator.map(z), {0: 1.0}))
    torch.testing.assert_close(generate_edited(generator, z, again, {0: 1.0}), expected)


def test_a_range_of_layers_of_w_plus_stays_zero_elsewhere():
    found = discover(tiny_stylegan2(), method="orojar-jd", space="w+", layers=(0, 2), count=2, latents=4, held_out=2,
                     progress=False)  # fmt: skip
    rows = found.basis.view(2, LAYERS, WIDTH)
    part, nobody = LatentSpace(tiny_stylegan2(), "w+", (0, 2)), Processes(progress=False)
    steps = found.basis[:, : part.size] * found.sigmas[:, None]
    wanted = scores(part, part.sample(2, held_out_rng(0)), steps, nobody)
    again = scores_of(tiny_stylegan2(), found, 2, 0, nobody)
    assert again.orthogonality == pytest.approx(wanted.orthogonality, rel=1e-4)
    assert rows[:, :2].abs().sum() > 0 and not rows[:, 2:].any()


def test_sets_of_w_plus_refuse_latents_of_another_shape():
    found = discover(tiny_stylegan2(), method="random", space="w+", count=2, held_out=2, progress=False)
    with pytest.raises(ValueError, match=r"directions in w\+ of width"):
        found.apply(torch.zeros(1, LAYERS + 1, WIDTH), {0: 1.0})


@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_methods_that_have_nothing_to_say_of_w_plus_ask_for_w(method):
    with pytest.raises(ValueError, match="choose the space w"):
        discover(tiny_stylegan2(), method=method, space="w+", progress=False)


def test_generators_without_w_have_no_w_plus():
    with pytest.raises(ValueError, match=r"has the spaces \('z',\), not 'w\+'"):
        discover(TINY["dcgan"](), space="w+", progress=False)


def test_the_layers_of_a_group_are_moved_alike_and_each_group_its_own_way():
    space = LatentSpace(tiny_stylegan2(), "w+", (1, LAYERS), groups=(3,))
    step = torch.arange(2.0 * WIDTH)[None]
    rows = space.whole(step).view(LAYERS, WIDTH)
    assert space.size == 2 * WIDTH
    assert not rows[0].any()
    assert torch.equal(rows[1:3], step[:, :WIDTH].expand(2, WIDTH))
    assert torch.equal(rows[3:], step[:, WIDTH:].expand(LAYERS - 3, WIDTH))
    assert torch.equal(space.narrow(space.whole(step)), step)


def test_a_set_of_groups_is_measured_again_as_it_was_found(tmp_path):
    generator, nobody = tiny_stylegan2(), Processes(progress=False)
    options = {"layers": (1, LAYERS), "layer_groups": (3,), "count": 3, "latents": 4, "held_out": 4}
    discover(generator, space="w+", progress=False, **options).save(tmp_path)
    found = Directions.load(tmp_path)
    assert found.groups == (3,)
    space = space_of(generator, found)
    config = DiscoverConfig(space="w+", held_out=4, layers=(1, LAYERS))
    remeasured = measured(space, space.narrow_units(found.basis), config, nobody, found.names)
    torch.testing.assert_close(remeasured.basis, found.basis)
    torch.testing.assert_close(remeasured.sigmas, found.sigmas)
    assert remeasured.scores == pytest.approx(found.scores, rel=1e-4)
    steps = space.narrow(found.basis * found.sigmas[:, None])
    wanted = scores(space, space.sample(4, held_out_rng(0)), steps, nobody)
    assert scores_of(generator, found, 4, 0, nobody).orthogonality == pytest.approx(wanted.orthogonality, rel=1e-4)


def test_one_group_of_all_layers_is_w_and_a_group_for_each_layer_is_w_plus():
    generator, options = tiny_stylegan2(), {"count": 3, "latents": 4, "held_out": 4, "progress": False}
    each = discover(generator, space="w+", layer_groups=tuple(range(1, LAYERS)), **options)
    torch.testing.assert_close(each.basis, discover(generator, space="w+", **options).basis)
    one, w = discover(generator, space="w+", layer_groups=(), **options), discover(generator, space="w", **options)
    torch.testing.assert_close(one.basis * one.sigmas[:, None], (w.basis * w.sigmas[:, None]).repeat(1, LAYERS))
    torch.testing.assert_close(one.basis.norm(dim=1), torch.ones(3))
    assert one.activity == pytest.approx(w.activity) and one.scores == pytest.approx(w.scores)


@pytest.mark.parametrize("groups", [(0, 2), (2, 2), (3, 2), (LAYERS,)])
def test_groups_that_are_empty_or_out_of_order_are_refused(groups):
    with pytest.raises(ValueError, match=rf"between layers 0 and {LAYERS}, in rising order, got \({groups[0]}"):
        discover(tiny_stylegan2(), space="w+", layer_groups=groups, progress=False)


def test_groups_are_of_w_plus_alone():
    with pytest.raises(ValueError, match=r"not in w: choose the space w\+"):
        discover(tiny_stylegan2(), layer_groups=(2,), progress=False)
