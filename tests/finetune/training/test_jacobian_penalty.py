import pytest
import torch

from linear import Linear
from orojar_finetune import Directions, orojar
from orojar_finetune.config import PenaltyConfig
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.penalty import rademacher
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.training.jacobian_penalty import JacobianPenalty, outputs, penalized_outputs
from separable import Separable
from tiny import tiny_stylegan2

ROWS = slice(0, 4)


def directions(basis, space="w", layers=None, sigma=1.0):
    count = len(basis)
    names = tuple(f"direction {i}" for i in range(count))
    return Directions(basis, torch.full((count,), sigma), space, "random", names, (layers,) * count, (1.0,) * count)


def some(space="w", layers=None, sigma=0.5):
    return directions(random_basis(3, 8, seed=0), space, layers, sigma)


def penalty(generator, found, **options):
    return JacobianPenalty(generator, found, PenaltyConfig(batch_size=4, **{"anneal": 0.0, **options}), seed=0)


@pytest.mark.parametrize(("form", "epsilon"), [("variance", 1e-3), ("cosine", 1e-3), ("hessian", 0.1)])
def test_independent_directions_cost_nothing_and_mixed_ones_do(form, epsilon):
    generator = Separable().eval()
    good = directions(generator.q.detach())
    mixed = directions(random_basis(6, 6, seed=1))
    cost = [
        penalty(generator, d, on=("image",), form=form, options={"epsilon": epsilon}).loss(0, ROWS).item()
        for d in (good, mixed)
    ]
    assert cost[0] < 1e-5 < 1e-2 < cost[1]


@pytest.mark.parametrize(("space", "layers"), [("z", None), ("w", None), ("w", (1, 3))])
def test_the_penalty_is_that_of_the_map_from_coefficients_to_outputs(space, layers):
    generator, found = tiny_stylegan2(), some(space, layers)
    one = penalty(generator, found, on=("image/2", "1"), form="variance", options={"probes": 3})
    draws_latents = []
    real = generator.sample_latents
    generator.sample_latents = lambda *a, **k: draws_latents.append(real(*a, **k)) or draws_latents[-1]
    value = one.loss(7, ROWS)
    z = draws_latents[0]
    ws = generator.map(z) if space == "w" else z

    def generate(coefficients):
        rows = []
        for i, c in enumerate(coefficients):
            latent = ws[i % 4][None]
            moved = found.apply(latent, dict(enumerate(c.tolist())))
            rows.append(generator.map(moved) if space == "z" else moved)
        image, (activation,) = generator.synthesize_with_activations(torch.cat(rows), (1,))
        return [torch.nn.functional.avg_pool2d(image, 2), activation]

    draws = rng(0, "penalty", 7)
    torch.randn(4, 8, generator=draws)
    signs = rademacher((3, 4, 3), z, draws)
    with torch.no_grad():
        expected = orojar(generate, torch.zeros(4, 3), 3, 0.1, signs=signs) / 2
    torch.testing.assert_close(value.detach(), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("form", ["variance", "cosine", "hessian"])
@pytest.mark.parametrize("num_classes", [0, 2])
def test_rows_are_the_same_in_any_division(form, num_classes):
    one = penalty(tiny_stylegan2(num_classes), some(), form=form)
    with torch.no_grad():
        halves = [one.loss(3, slice(i, i + 2)).item() for i in (0, 2)]
        assert sum(halves) / 2 == pytest.approx(one.loss(3, ROWS).item(), rel=1e-4)


def test_gradients_reach_all_weights_that_the_outputs_depend_on_and_the_mapping_in_z_alone():
    for space in ("w", "z"):
        generator = tiny_stylegan2()
        penalty(generator, some(space)).loss(0, ROWS).backward()
        without = {name for name, p in generator.named_parameters() if p.grad is None or not p.grad.any()}
        mapping = {name for name, _ in generator.named_parameters() if name.startswith("mapping.")}
        assert without >= mapping if space == "w" else not without & mapping
        assert not {name for name in without if name.endswith("affine.weight")}


def test_descending_the_penalty_lowers_it_on_other_latents():
    generator = tiny_stylegan2()
    one = penalty(generator, some(), on=("image",))
    optimizer = torch.optim.Adam(generator.synthesis.parameters(), 0.01)

    def held_out():
        with torch.no_grad():
            return sum(one.loss(1000 + i, ROWS).item() for i in range(16))

    before = held_out()
    for step in range(40):
        optimizer.zero_grad()
        one.loss(step, ROWS).backward()
        optimizer.step()
    assert held_out() < 0.5 * before


def test_the_weight_warms_up_from_its_first_step_and_comes_lazily():
    term = penalty(tiny_stylegan2(), some(), weight=6.0, every=2, warmup_steps=10).term(first_step=4, end=104)
    assert [term.factor(step) for step in (0, 2, 4, 5, 6, 8, 14, 100)] == pytest.approx([0, 0, 0, 0, 2.4, 4.8, 12, 12])
    assert term.exact
    at_once = penalty(tiny_stylegan2(), some(), weight=6.0, every=1, warmup_steps=0).term(first_step=4, end=104)
    assert [at_once.factor(step) for step in (3, 4)] == [0, 6]


def test_the_weight_is_annealed_to_a_thirtieth_at_the_end_of_the_run():
    term = penalty(tiny_stylegan2(), some(), weight=6.0, every=1, warmup_steps=0, anneal=0.25).term(4, 104)
    assert [term.factor(step) for step in (4, 78, 79, 103, 150)] == [6, 6, 0.2, 0.2, 0.2]


def test_a_form_takes_its_own_options_alone():
    with pytest.raises(ValueError, match="Cosine has no option 'probes'; it has: directions, epsilon"):
        PenaltyConfig(form="cosine", options={"probes": 2})
    some_pairs, all_pairs = (penalty(tiny_stylegan2(), some(), options=o) for o in ({"directions": 2}, {}))
    assert some_pairs.loss(0, ROWS).item() != all_pairs.loss(0, ROWS).item()


def test_words_for_outputs_mean_images_and_layers():
    generator = tiny_stylegan2()
    assert outputs(generator, ("layers", "image")) == ([1], [2, 4])
    assert outputs(generator, ("image/4", "image", "0", "2", "layers")) == ([4, 1], [0, 2, 4])


@pytest.mark.parametrize("word", ["6", "pixels", "image/x", "-1", "layer"])
def test_words_that_mean_nothing_are_refused_with_those_that_do(word):
    with pytest.raises(ValueError, match=r"on must be made of image, image/4, layers, or numbers 0\.\.5"):
        outputs(tiny_stylegan2(), (word,))


@pytest.mark.parametrize("word", ["image/3", "image/32", "image/0"])
def test_a_reduction_that_does_not_divide_the_image_is_refused(word):
    with pytest.raises(ValueError, match="must divide the 16 pixels"):
        outputs(tiny_stylegan2(), (word,))


def test_a_generator_without_inner_layers_has_none_to_be_penalized():
    with pytest.raises(ValueError, match=r"on \('layers',\) names nothing that linear has"):
        penalized_outputs(Linear(), ["layers"])
