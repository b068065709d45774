"""Images can be differentiated twice, in the latents and in the weights: what a penalty on the Jacobian needs."""

import pytest
import torch
from torch import Tensor

from orojar_adapters import Generator


@pytest.fixture
def precise(generator: Generator) -> Generator:
    """The tiny generator in float64, so that finite differences are exact enough to compare with."""
    return generator.double().requires_grad_(False)


def latents_and_labels(generator: Generator, count: int = 2) -> tuple[Tensor, Tensor | None]:
    z = generator.sample_latents(count, torch.Generator().manual_seed(1))
    return z, torch.arange(count) if generator.num_classes else None


def jacobian_norm(generator: Generator, z: Tensor, labels: Tensor | None, direction: Tensor) -> Tensor:
    """|J v|² by a difference, as the regularizers use it."""
    step = 0.1
    difference = (generator(z + step * direction, labels) - generator(z, labels)) / step
    return difference.square().sum()


def test_the_gradient_of_pixels_in_the_latent_is_right(precise):
    z, labels = latents_and_labels(precise)
    assert torch.autograd.gradcheck(lambda z: precise(z, labels)[:, :, ::7, ::7], z.requires_grad_())


def test_the_second_derivative_of_pixels_in_the_latent_is_right(precise):
    z, labels = latents_and_labels(precise, 1)
    assert torch.autograd.gradgradcheck(lambda z: precise(z, labels)[:, :, 3:12:8, 5:12:8], z.requires_grad_())


def test_the_gradient_of_activations_in_ws_is_right(precise):
    z, labels = latents_and_labels(precise, 1)
    ws = precise.map(z, labels)

    def features(ws: Tensor) -> Tensor:
        return precise.synthesize_with_activations(ws, [1], labels=labels)[1][0][:, :2, ::3, ::3]

    assert torch.autograd.gradcheck(features, ws.requires_grad_())


def test_the_gradient_of_a_penalty_in_the_weights_equals_finite_differences(precise):
    z, labels = latents_and_labels(precise)
    rng = torch.Generator().manual_seed(2)
    direction = torch.randn(z.shape, generator=rng, dtype=z.dtype).sign()
    parameters = dict(precise.named_parameters())
    moves = {name: torch.randn(p.shape, generator=rng, dtype=p.dtype) for name, p in parameters.items()}

    def penalty() -> Tensor:
        return jacobian_norm(precise, z, labels, direction)

    def penalty_at(step: float) -> float:
        before = {name: p.clone() for name, p in parameters.items()}
        for name, p in parameters.items():
            p.add_(step * moves[name])
        value = penalty().item()
        for name, p in parameters.items():
            p.copy_(before[name])
        return value

    slope = (penalty_at(1e-6) - penalty_at(-1e-6)) / 2e-6
    precise.requires_grad_(True)
    penalty().backward()
    found = sum((p.grad * moves[name]).sum().item() for name, p in parameters.items() if p.grad is not None)
    assert abs(slope) > 1e-3
    assert found == pytest.approx(slope, rel=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own, in `jvp`
def test_an_exact_jacobian_product_can_be_differentiated_in_the_weights(precise):
    z, labels = latents_and_labels(precise)
    precise.requires_grad_(True)
    direction = torch.ones_like(z)
    _, product = torch.func.jvp(lambda z: precise(z, labels), (z,), (direction,))
    step = 1e-8  # so short that hardly ever a leaky ReLU turns within it
    by_difference = (precise(z + step * direction, labels) - precise(z - step * direction, labels)) / (2 * step)
    torch.testing.assert_close(product, by_difference, rtol=1e-5, atol=1e-6)
    weight = next(parameter for parameter in precise.parameters() if parameter.ndim == 4)
    (gradient,) = torch.autograd.grad(product.square().sum(), weight)
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0
