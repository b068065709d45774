"""`jacobian`: the directions that change the image most, on average over latents.

At one latent these are the leading right singular vectors of the generator's Jacobian, which Ramesh, Choi & LeCun (2018, "A
Spectral Regularizer for Unsupervised Disentanglement") follow from point to point. Directions that hold everywhere are the
leading eigenvectors of the mean JᵀJ, as in Wang & Ponce (ICLR 2021, "The Geometry of Deep Generative Image Models"), who
measure images by a perceptual distance; here it is the squared difference, or that of activations.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery.random import random_basis
from orojar_finetune.gram import gram_matrix, jacobian
from orojar_finetune.latent_space import Anchors, LatentSpace
from orojar_finetune.training.processes import Processes

EXACT_SIZE = 128
"""Latents up to this width get their whole Gram matrices; wider ones a subspace iteration, which costs less."""
OVERSAMPLING = 10
ITERATIONS = 3


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Leading eigenvectors of the mean JᵀJ over the sampled latents."""
    anchors, step = drawn(space, config)
    if space.size <= EXACT_SIZE:
        everything = torch.eye(space.size, device=space.generator.device)
        active = leading(sampled_grams(space, anchors, everything, step, config, processes).mean(dim=0), config.count)
    else:
        active = active_subspace(space, anchors, step, config, processes)
    return active.T.contiguous()


def drawn(space: LatentSpace, config: DiscoverConfig) -> tuple[Anchors, float]:
    """The latents at which Jacobians are taken, and the length of the differences behind them."""
    rng = torch.Generator().manual_seed(config.seed)
    step = config.epsilon * float(space.covariance(rng).diagonal().mean().sqrt())
    return space.sample(config.latents, rng), step


def sampled_grams(
    space: LatentSpace,
    anchors: Anchors,
    directions: Float[Tensor, "directions size"],
    step: float,
    config: DiscoverConfig,
    processes: Processes,
) -> Float[Tensor, "latents directions directions"]:
    """The inner products of the changes that directions make, at every anchor."""

    def gram(i: int) -> Tensor:
        return gram_matrix(space, anchors.rows(slice(i, i + 1)), directions, step, config.batch_size, config.activations)

    return processes.stack(len(anchors), gram, "sampling Jacobians")


def leading(gram: Float[Tensor, "size size"], count: int) -> Float[Tensor, "size count"]:
    """The eigenvectors of the largest eigenvalues, in columns, largest first."""
    return torch.linalg.eigh(gram)[1].flip(1)[:, :count]


def active_subspace(
    space: LatentSpace, anchors: Anchors, step: float, config: DiscoverConfig, processes: Processes
) -> Float[Tensor, "size count"]:
    """Leading eigenvectors of the mean JᵀJ by subspace iteration (Halko, Martinsson & Tropp, SIAM Review 2011, section 4.5).

    One application of JᵀJ is a central difference and a backward pass, so the whole matrix is never formed.
    """
    width = min(config.count + OVERSAMPLING, space.size)
    basis = random_basis(width, space.size, config.seed).to(space.generator.device)
    for i in range(ITERATIONS):
        rows = processes.stack(
            len(anchors),
            lambda n, basis=basis: _apply_gram(space, anchors.rows(slice(n, n + 1)), basis, step, config),
            f"finding active directions ({i + 1}/{ITERATIONS})",
        ).mean(dim=0)
        if i == ITERATIONS - 1:
            values = basis @ rows.T
            return torch.linalg.qr(basis.T @ leading((values + values.T) / 2, config.count))[0]
        basis = torch.linalg.qr(rows.T)[0].T.contiguous()
    raise AssertionError("unreachable: the last iteration returns")


def _apply_gram(
    space: LatentSpace, anchor: Anchors, basis: Float[Tensor, "width size"], step: float, config: DiscoverConfig
) -> Float[Tensor, "width size"]:
    """JᵀJ v for every row v of a basis, each output's share divided by its own trace where there are several."""
    with torch.no_grad():
        changes = jacobian(space, anchor, basis, step, config.batch_size, config.activations)
    result = torch.zeros_like(basis)
    for first in range(0, len(basis), config.batch_size):
        rows = slice(first, first + config.batch_size)
        start = torch.zeros_like(basis[rows], requires_grad=True)
        outputs = space.outputs(anchor, start, config.activations)
        weights = [1.0 if len(outputs) == 1 else 1 / float(c.square().sum()) for c in changes]
        dots = [(o.flatten(1) * c[rows]).sum() * w for o, c, w in zip(outputs, changes, weights, strict=True)]
        result[rows] = torch.autograd.grad(torch.stack(dots).sum(), start)[0]
    return result
