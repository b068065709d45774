import inspect
import itertools
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from orojar_finetune import hessian_penalty, orojar
from orojar_finetune.penalty import cosines, rademacher
from tiny import tiny_stylegan2


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def every_sign(size: int) -> Tensor:
    """All 2^size sign vectors, as probes for one latent: variances over them are exact."""
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=size)), dtype=torch.float64)[:, None]


def off_diagonal(gram: Tensor) -> Tensor:
    return (gram - torch.diag(gram.diagonal())).square().sum()


def linear(values: int, size: int, seed: int = 1) -> Tensor:
    return torch.randn(values, size, generator=rng(seed), dtype=torch.float64)


def test_linear_generator_costs_twice_its_squared_off_diagonal_gram_entries():
    J, signs = linear(7, 4), every_sign(4)
    found = orojar(lambda z: z @ J.T, torch.zeros(1, 4, dtype=torch.float64), probes=16, scale_free=False, signs=signs)
    unbiased = 16 / 15  # the variance over all signs is taken with n - 1
    torch.testing.assert_close(found, 2 * off_diagonal(J.T @ J) * unbiased)


def test_drawn_signs_give_the_closed_form_on_average():
    J = linear(50, 4)
    found = orojar(lambda z: z @ J.T, torch.zeros(40_000, 4, dtype=torch.float64), scale_free=False, rng=rng())
    torch.testing.assert_close(found, 2 * off_diagonal(J.T @ J), rtol=0.03, atol=0)


def test_cosines_of_a_linear_generator_are_those_of_its_columns():
    J = linear(7, 4)
    unit = J / J.norm(dim=0)
    squared = (unit.T @ unit).square()
    chosen = torch.tensor([[0, 2], [3, 1]])
    latents = torch.randn(2, 4, generator=rng(), dtype=torch.float64)
    pairs = cosines(lambda z: z @ J.T, latents, chosen, reduction="none")
    torch.testing.assert_close(pairs, torch.stack([squared[0, 2], squared[3, 1]]))
    everything = cosines(lambda z: [z @ J.T, 5 * z @ J.T], latents[:1], torch.arange(4)[None])
    torch.testing.assert_close(everything, 2 * (squared.sum() - 4) / 12)


def test_a_cosine_of_one_coordinate_is_refused():
    with pytest.raises(ValueError, match="two or more"):
        cosines(lambda z: z, torch.zeros(1, 4), torch.tensor([[0]]))


def test_orthogonal_jacobian_costs_nothing():
    Q = torch.linalg.qr(linear(7, 4))[0] * torch.tensor([1.0, 2.0, 3.0, 4.0])
    latents = torch.randn(8, 4, generator=rng(), dtype=torch.float64)
    for scale_free in (True, False):
        assert orojar(lambda z: z @ Q.T, latents, probes=6, scale_free=scale_free, rng=rng()) < 1e-20


def test_papers_form_equals_the_authors_formula_with_one_call_per_probe():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 12)).double()
    z, epsilon, probes = torch.randn(6, 5, dtype=torch.float64), 0.1, 3
    signs = rademacher((probes, 6, 5), z, rng(3))
    q = torch.stack([((net(z + epsilon * signs[k]) - net(z)) / epsilon).square().sum(dim=1) for k in range(probes)])
    per_sample = ((q - q.mean(dim=0)) ** 2).sum(dim=0) / (probes - 1)
    for reduction, expected in [("mean", per_sample.mean()), ("max", per_sample.max()), ("none", per_sample)]:
        found = orojar(net, z, probes, epsilon, reduction, scale_free=False, rng=rng(3))
        torch.testing.assert_close(found, expected)


def test_scale_free_form_does_not_change_with_the_scale_of_the_output():
    J, z = linear(7, 4), torch.zeros(5, 4, dtype=torch.float64)
    one, thousand = (orojar(lambda x, s=s: s * x @ J.T, z, rng=rng()) for s in (1.0, 1000.0))
    torch.testing.assert_close(one, thousand)
    paper = [orojar(lambda x, s=s: s * x @ J.T, z, scale_free=False, rng=rng()) for s in (1.0, 10.0)]
    torch.testing.assert_close(paper[1], paper[0] * 1e4)


def test_activations_add_up_each_on_its_own_scale():
    A, B, z = linear(7, 4), linear(9, 4, seed=2), torch.zeros(3, 4, dtype=torch.float64)
    both = orojar(lambda x: [x @ A.T, 100 * x @ B.T], z, rng=rng())
    apart = orojar(lambda x: x @ A.T, z, rng=rng()) + orojar(lambda x: x @ B.T, z, rng=rng())
    torch.testing.assert_close(both, apart)


def test_all_latents_go_through_one_call():
    calls = []

    def generate(z: Tensor) -> Tensor:
        calls.append(len(z))
        return z

    orojar(generate, torch.zeros(3, 4), probes=5)
    hessian_penalty(generate, torch.zeros(3, 4), probes=5)
    assert calls == [3 * 6, 3 * 11]


def test_the_gradient_reaches_the_weights_and_lowers_the_true_off_diagonal_part():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 16)).double()
    z = torch.randn(16, 4, dtype=torch.float64)

    def true_cosines() -> float:
        J = torch.func.vmap(torch.func.jacrev(net))(z).detach()
        gram = J.mT @ J
        norms = gram.diagonal(dim1=1, dim2=2)
        squared = gram.square() / (norms[:, :, None] * norms[:, None])
        return float((squared.sum(dim=(1, 2)) - 4).mean() / 12)

    before = true_cosines()
    optimizer, draws = torch.optim.Adam(net.parameters(), lr=3e-3), rng()
    for _ in range(150):
        optimizer.zero_grad()
        orojar(net, z, probes=4, rng=draws).backward()
        optimizer.step()
    assert true_cosines() < 0.3 * before


def test_penalty_passes_gradcheck_in_the_weights():
    weight = linear(6, 3).requires_grad_()
    z = torch.randn(2, 3, generator=rng(), dtype=torch.float64)
    for scale_free in (True, False):
        assert torch.autograd.gradcheck(
            lambda w, s=scale_free: orojar(lambda x: torch.tanh(x @ w.T), z, scale_free=s, rng=rng()), weight
        )


@pytest.mark.parametrize("name", ["mapping.fc0.weight", "synthesis.b8.conv0.affine.weight", "synthesis.b16.torgb.weight"])
@pytest.mark.parametrize("scale_free", [True, False])
def test_penalty_of_a_stylegan2_passes_gradcheck_in_its_weights(name, scale_free):
    generator = tiny_stylegan2().double().requires_grad_(False)
    z = generator.sample_latents(1, rng())

    def penalty(weight: Tensor) -> Tensor:
        generate = partial(torch.func.functional_call, generator, {name: weight})
        return orojar(generate, z, epsilon=0.01, scale_free=scale_free, rng=rng())

    assert torch.autograd.gradcheck(penalty, generator.get_parameter(name).clone().requires_grad_(), fast_mode=True)


def test_hessian_penalty_of_a_quadratic_is_twice_its_squared_mixed_derivatives():
    A = linear(3, 3)
    H = A + A.T  # of the single output z' A z
    found = hessian_penalty(lambda z: torch.einsum("bi,ij,bj->b", z, A, z)[:, None],
                            torch.randn(1, 3, dtype=torch.float64), probes=8, signs=every_sign(3))  # fmt: skip
    torch.testing.assert_close(found, 2 * off_diagonal(H) * 8 / 7)


def test_the_maximum_is_taken_of_each_activation_as_the_authors_do():
    first, second = linear(5, 3), linear(4, 3, seed=2)
    z, probes = torch.randn(4, 3, generator=rng(), dtype=torch.float64), 3

    def one(matrix: Tensor):
        return lambda x: (x @ matrix.T).square()

    both = orojar(lambda x: [one(first)(x), one(second)(x)], z, probes, reduction="max", scale_free=False, rng=rng(3))
    apart = [orojar(one(m), z, probes, reduction="none", scale_free=False, rng=rng(3)) for m in (first, second)]
    assert apart[0].argmax() != apart[1].argmax()
    torch.testing.assert_close(both, apart[0].max() + apart[1].max())


def test_hessian_penalty_of_separable_outputs_is_nothing():
    z = torch.randn(4, 3, generator=rng(), dtype=torch.float64)
    assert hessian_penalty(lambda x: torch.stack([x.sin().sum(dim=1), x.pow(3).sum(dim=1)], dim=1), z, rng=rng()) < 1e-16


def test_hessian_penalty_reduces_as_its_authors():
    A, z = linear(5, 3), torch.randn(4, 3, generator=rng(), dtype=torch.float64)
    signs, epsilon = rademacher((2, 4, 3), z, rng(7)), 0.1

    def net(x: Tensor) -> Tensor:
        return (x @ A.T).square()

    second = torch.stack([(net(z + epsilon * s) - 2 * net(z) + net(z - epsilon * s)) / epsilon**2 for s in signs])
    expected = second.var(dim=0)
    torch.testing.assert_close(hessian_penalty(net, z, reduction="max", rng=rng(7)), expected.max())
    torch.testing.assert_close(hessian_penalty(net, z, reduction="mean", rng=rng(7)), expected.mean())


def test_scale_free_hessian_penalty_does_not_change_with_the_scale_of_the_output():
    A, z = linear(5, 3), torch.randn(4, 3, generator=rng(), dtype=torch.float64)
    one, ten = (hessian_penalty(lambda x, s=s: s * (x @ A.T).sin(), z, scale_free=True, rng=rng()) for s in (1, 10))
    torch.testing.assert_close(one, ten)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"probes": 1}, "probes must be at least 2"),
        ({"epsilon": 0.0}, "epsilon must be above 0"),
        ({"reduction": "sum"}, "reduction must be mean, max or none"),
        ({"signs": torch.ones(2, 3)}, "signs must have the shape"),
    ],
)
def test_arguments_that_cannot_work_are_refused(options, words):
    for penalty in (orojar, hessian_penalty):
        with pytest.raises(ValueError, match=words):
            inspect.unwrap(penalty)(lambda z: z, torch.zeros(3, 4), **options)  # without the tests' check of types


def test_outputs_that_are_none_are_refused():
    z, pairs = torch.zeros(3, 4), torch.tensor([[0, 1]] * 3)
    for penalize in (orojar, hessian_penalty, lambda generate, z: cosines(generate, z, pairs)):
        with pytest.raises(ValueError, match="generate returned no activations"):
            penalize(lambda _: [], z)


@pytest.mark.parametrize("penalize", [orojar, hessian_penalty])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_outputs_in_half_precision_are_squared_and_summed_in_float32(penalize, dtype):
    """Their squared changes, summed over so many values, are past the largest number of float16."""
    J = linear(30_000, 4).float()
    signs = torch.tensor([[[1.0, 1.0, 1.0, 1.0]], [[1.0, -1.0, 1.0, -1.0]]])

    def curved(z):
        return 20 * (z @ J.T).sin()

    half = penalize(lambda z: curved(z).to(dtype), torch.zeros(1, 4), signs=signs, scale_free=True)
    whole = penalize(curved, torch.zeros(1, 4), signs=signs, scale_free=True)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, whole, rtol=0.05, atol=1e-3)


def test_other_latents_than_vectors_are_fine():
    J = linear(7, 6)
    flat = orojar(lambda z: z @ J.T, torch.zeros(4, 6, dtype=torch.float64), rng=rng())
    shaped = orojar(lambda z: z.flatten(1) @ J.T, torch.zeros(4, 2, 3, dtype=torch.float64), rng=rng())
    torch.testing.assert_close(flat, shaped)
