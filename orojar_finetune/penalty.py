"""OroJaR and the Hessian Penalty: functions from a callable and latents to a scalar loss.

This file imports torch alone and knows nothing of generators, so that it can be taken into any other project.

- OroJaR: Wei et al., "Orthogonal Jacobian Regularization for Unsupervised Disentanglement in Image Generation", ICCV 2021.
- Hessian Penalty: Peebles et al., "The Hessian Penalty: A Weak Prior for Unsupervised Disentanglement", ECCV 2020.

Both estimate the off-diagonal part of a matrix from random signs (Hutchinson's estimator): for Rademacher v and symmetric G,
Var(v' G v) = 2 * sum over i != j of G_ij^2.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

Generate = Callable[[Tensor], Tensor | Sequence[Tensor]]
Reduction = Literal["mean", "max", "none"]


def orojar(
    generate: Generate,
    latents: Tensor,
    probes: int = 2,
    epsilon: float = 0.1,
    reduction: Reduction = "mean",
    scale_free: bool = True,
    rng: torch.Generator | None = None,
    signs: Tensor | None = None,
) -> Tensor:
    """Penalizes columns of the Jacobian that are not orthogonal (equations 6 to 9 of the paper).

    With v_k of random signs and q_k = |J v_k|^2 = v_k' J'J v_k, the penalty of one latent is the unbiased variance of q over
    the probes, whose expectation is twice the sum of the squared off-diagonal entries of J'J; summed over activations.
    J v is a forward difference, as in the authors' code: probes + 1 evaluations, in one call.

    Args:
        generate: maps latents, stacked along the batch, to one tensor or several with the same batch. It must be the same
            function in all rows: fixed noise, no style mixing, no dropout.
        latents: where the Jacobian is taken, `Float[Tensor, "batch *latent"]`; the penalty is over all coordinates of a row.
        probes: sign vectors per latent, at least 2 (the paper's K).
        epsilon: step size in every coordinate.
        reduction: over the batch, for each activation: `mean`, `max` (as in the authors' portable file: only one latent per
            activation gets a gradient) or `none`.
        scale_free: divides each latent's variance by the square of its mean q, which estimates the squared trace of J'J: the
            penalty then cannot be lowered by shrinking the Jacobian. False is the paper's form.
        rng: source of the signs; None is torch's global generator.
        signs: the sign vectors themselves, `Float[Tensor, "probes batch *latent"]`; None draws them.

    Returns:
        `Float[Tensor, ""]`, or `Float[Tensor, " batch"]` for the reduction `none`.

    Raises:
        ValueError: fewer than 2 probes, a step that is not positive, or an unknown reduction.
    """
    _check(probes, epsilon, reduction)
    steps = epsilon * _signs(signs, (probes, *latents.shape), latents, rng)
    total: Tensor | None = None
    for activation in _evaluate(generate, latents, torch.cat([steps, torch.zeros_like(steps[:1])])):
        jv = (activation[:probes] - activation[probes:]) / epsilon
        q = jv.square().sum(dim=2)  # probes x batch
        variance = q.var(dim=0)
        reduced = _reduce(variance / _nonzero(q.mean(dim=0).square()) if scale_free else variance, reduction)
        total = reduced if total is None else total + reduced
    if total is None:
        raise ValueError("generate returned no activations")
    return total


def cosines(
    generate: Generate, latents: Tensor, coordinates: Tensor, epsilon: float = 0.1, reduction: Reduction = "mean"
) -> Tensor:
    """Returns the mean squared cosine between the columns of the Jacobian: every pair of coordinates counts alike.

    n coordinates take n + 1 evaluations and give all n (n - 1) / 2 pairs, whereas two sign vectors give one random mixture of
    all pairs.

    Args:
        generate: as for `orojar`.
        latents: where the Jacobian is taken, `Float[Tensor, "batch size"]`.
        coordinates: two or more different coordinates per latent, `Int[Tensor, "batch chosen"]`.
        epsilon: step size.
        reduction: over the batch: `mean`, `max` or `none`.

    Returns:
        `Float[Tensor, ""]`, or `Float[Tensor, " batch"]` for the reduction `none`; summed over activations.

    Raises:
        ValueError: fewer than two coordinates, a step that is not positive, or an unknown reduction.
    """
    chosen = coordinates.shape[1]
    if chosen < 2:
        raise ValueError(f"coordinates must hold two or more per latent, got {chosen}")
    _check(chosen, epsilon, reduction)
    steps = latents.new_zeros(chosen + 1, *latents.shape)
    steps[:chosen].scatter_(2, coordinates.T[:, :, None], epsilon)
    total: Tensor | None = None
    for activation in _evaluate(generate, latents, steps):
        changes = ((activation[:chosen] - activation[chosen:]) / epsilon).transpose(0, 1)
        gram = changes @ changes.transpose(1, 2)
        squares = gram.diagonal(dim1=1, dim2=2)
        among = gram.square() / _nonzero(squares[:, :, None] * squares[:, None, :])
        off_diagonal = among.sum(dim=(1, 2)) - among.diagonal(dim1=1, dim2=2).sum(dim=1)
        each = off_diagonal / (chosen * (chosen - 1))
        total = each if total is None else total + each
    if total is None:
        raise ValueError("generate returned no activations")
    return _reduce(total, reduction)


def hessian_penalty(
    generate: Generate,
    latents: Tensor,
    probes: int = 2,
    epsilon: float = 0.1,
    reduction: Reduction = "mean",
    scale_free: bool = False,
    rng: torch.Generator | None = None,
    signs: Tensor | None = None,
) -> Tensor:
    """Penalizes off-diagonal entries in the Hessian of every output value (equations 3 to 5 of the Hessian Penalty).

    It is the variance over the probes of the central second difference, per output value; summed over activations.

    Args:
        generate: as for `orojar`.
        latents: where the Hessian is taken, `Float[Tensor, "batch *latent"]`.
        probes: sign vectors per latent, at least 2.
        epsilon: step size in every coordinate.
        reduction: `mean` over latents and output values, `max` over both (the authors'), or `none`: the mean over output
            values of each latent.
        scale_free: divides each latent's variances by the mean square of its first differences, so that the penalty cannot
            be lowered by shrinking the generator's response. False is the paper's form.
        rng: source of the signs; None is torch's global generator.
        signs: the sign vectors themselves, `Float[Tensor, "probes batch *latent"]`; None draws them.

    Returns:
        `Float[Tensor, ""]`, or `Float[Tensor, " batch"]` for the reduction `none`.

    Raises:
        ValueError: fewer than 2 probes, a step that is not positive, or an unknown reduction.
    """
    _check(probes, epsilon, reduction)
    steps = epsilon * _signs(signs, (probes, *latents.shape), latents, rng)
    total: Tensor | None = None
    for activation in _evaluate(generate, latents, torch.cat([steps, torch.zeros_like(steps[:1]), -steps])):
        high, middle, low = activation[:probes], activation[probes : probes + 1], activation[probes + 1 :]
        variance = ((high - 2 * middle + low) / epsilon**2).var(dim=0)  # batch x values
        if scale_free:
            slope = ((high - low) / (2 * epsilon)).square().mean(dim=(0, 2))
            variance = variance / _nonzero(slope)[:, None]
        each = variance.amax(dim=1) if reduction == "max" else variance.mean(dim=1)
        reduced = _reduce(each, reduction)
        total = reduced if total is None else total + reduced
    if total is None:
        raise ValueError("generate returned no activations")
    return total


def rademacher(shape: Sequence[int], like: Tensor, rng: torch.Generator | None) -> Tensor:
    """Returns random signs, -1 or 1 with equal probability, on the device and in the dtype of `like`."""
    device = rng.device if rng is not None else like.device
    bits = torch.randint(0, 2, tuple(shape), generator=rng, device=device)
    return (2 * bits - 1).to(like.device, like.dtype)


def _signs(given: Tensor | None, shape: tuple[int, ...], like: Tensor, rng: torch.Generator | None) -> Tensor:
    if given is None:
        return rademacher(shape, like, rng)
    if given.shape != shape:
        raise ValueError(
            f"signs must have the shape {tuple(shape)}: probes, then that of the latents; got {tuple(given.shape)}"
        )
    return given


def _evaluate(generate: Generate, latents: Tensor, steps: Tensor) -> list[Tensor]:
    """Returns the activations at all stepped latents from one call, each as (steps, batch, values), in float32 at least.

    Squared changes, summed over an image, overflow half precision.
    """
    found = generate((latents + steps).flatten(0, 1))
    activations = [found] if isinstance(found, Tensor) else list(found)
    return [
        activation.reshape(len(steps), len(latents), -1).to(torch.promote_types(activation.dtype, torch.float32))
        for activation in activations
    ]


def _nonzero(x: Tensor) -> Tensor:
    return x.clamp_min(torch.finfo(x.dtype).tiny)


def _reduce(each: Tensor, reduction: Reduction) -> Tensor:
    if reduction == "none":
        return each
    return each.mean() if reduction == "mean" else each.amax()


def _check(probes: int, epsilon: float, reduction: str) -> None:
    if probes < 2:
        raise ValueError(f"probes must be at least 2 for a variance, got {probes}")
    if not epsilon > 0:
        raise ValueError(f"epsilon must be above 0, got {epsilon}")
    if reduction not in ("mean", "max", "none"):
        raise ValueError(f"reduction must be mean, max or none, got {reduction!r}")
