"""`orojar-jd`: OroJaR's direction search in closed form.

The paper's search minimises, over orthonormal Q, the off-diagonal part of QᵀJᵀJQ summed over latents. For sampled Gram
matrices JᵀJ that is joint diagonalization: Jacobi angles find it without a learning rate. Q is sought among the most active
directions, and every Gram matrix is divided by its trace, so that no latent outweighs the others.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.diagonalize import joint_diagonalize
from orojar_finetune.discovery.random import random_basis
from orojar_finetune.gram import gram_matrix, jacobian, trace
from orojar_finetune.latent_space import Anchors, LatentSpace
from orojar_finetune.training.processes import Processes

EXACT_SIZE = 128
"""Latents up to this width get their whole Gram matrices; wider ones a subspace iteration, which costs less."""
OVERSAMPLING = 10
ITERATIONS = 3
SUBSPACE_LATENTS = 16
"""Of the sampled latents the subspace iteration looks at no more than these; all of them enter the joint diagonalization."""


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The jointly most orthogonal basis of the span of the most active directions."""
    rng = torch.Generator().manual_seed(config.seed)
    step = config.epsilon * float(space.covariance(rng).diagonal().mean().sqrt())
    anchors = space.sample(config.latents, rng)

    def sampled(directions: Tensor) -> Tensor:
        return processes.stack(
            config.latents,
            lambda i: gram_matrix(
                space, anchors.rows(slice(i, i + 1)), directions, step, config.batch_size, config.activations
            ),
            "sampling Jacobians",
        )

    if space.size <= EXACT_SIZE:
        grams = sampled(torch.eye(space.size, device=space.generator.device))
        active = torch.linalg.eigh(grams.mean(dim=0))[1].flip(1)[:, : config.count]
        grams = active.T @ grams @ active
    else:
        active = active_subspace(space, anchors.rows(slice(0, SUBSPACE_LATENTS)), step, config, processes)
        grams = sampled(active.T.contiguous())
    return (active @ joint_diagonalize(grams / trace(grams))).T.contiguous()


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
            ritz = torch.linalg.eigh((values + values.T) / 2)[1].flip(1)[:, : config.count]
            return torch.linalg.qr(basis.T @ ritz)[0]
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
