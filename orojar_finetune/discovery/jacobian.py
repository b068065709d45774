"""`jacobian`: the directions that change the image most, on average over latents.

At one latent these are the leading right singular vectors of the generator's Jacobian, which Ramesh, Choi & LeCun (2018, "A
Spectral Regularizer for Unsupervised Disentanglement") follow from point to point. Directions that hold everywhere are the
leading eigenvectors of the mean JᵀJ, as in Wang & Ponce (ICLR 2021, "The Geometry of Deep Generative Image Models"), who
measure images by a perceptual distance; here it is the squared difference, or that of activations.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery.random import random_basis
from orojar_finetune.latents.gram import gram_matrix, jacobian
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.runtime.processes import Processes

EXACT_SIZE = 128
"""Latents up to this width get their whole Gram matrices; wider ones a subspace iteration, which costs less."""
TINY = 1e-30
"""Instead of the squared change of an output that does not change."""
OVERSAMPLING = 10
ITERATIONS = 3


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Leading eigenvectors of the mean JᵀJ over the sampled latents."""
    anchors, frame = drawn(space, config)
    if space.size <= EXACT_SIZE:
        active = leading(sampled_grams(space, anchors, frame, config, processes).mean(dim=0), config.count)
    else:
        active = active_subspace(space, anchors, frame, config, processes)
    return unit_rows(active.T @ frame)


def drawn(space: LatentSpace, config: DiscoverConfig) -> tuple[Anchors, Float[Tensor, "size size"]]:
    """The latents at which Jacobians are taken, and the frame of coordinates that they are taken in, one step a row.

    Steps are one sigma long: all of the same mean length, or, whitened, each of the latent's own standard deviation along it.
    What is orthogonal in whitened coordinates is uncorrelated over latents, not at right angles.
    """
    rng = torch.Generator().manual_seed(config.seed)
    if config.whiten:
        frame = space.root(rng)
    else:
        sigma = space.covariance(rng).diagonal().mean().sqrt()
        frame = sigma * torch.eye(space.size, device=space.generator.device)
    return space.sample(config.latents, rng), frame


def unit_rows(rows: Float[Tensor, "count size"]) -> Float[Tensor, "count size"]:
    """Directions out of steps."""
    return F.normalize(rows, dim=1).contiguous()


def sampled_grams(
    space: LatentSpace,
    anchors: Anchors,
    steps: Float[Tensor, "steps size"],
    config: DiscoverConfig,
    processes: Processes,
) -> Float[Tensor, "latents steps steps"]:
    """The inner products of the changes that steps make, at every anchor."""

    def gram(i: int) -> Tensor:
        at = anchors.rows(slice(i, i + 1))
        return gram_matrix(space, at, steps, config.epsilon, config.batch_size, config.activations)

    return processes.stack(len(anchors), gram, "sampling Jacobians")


def leading(gram: Float[Tensor, "size size"], count: int) -> Float[Tensor, "size count"]:
    """The eigenvectors of the largest eigenvalues, in columns, largest first."""
    return torch.linalg.eigh(gram.cpu())[1].flip(1)[:, :count].to(gram)  # not every device can


def active_subspace(
    space: LatentSpace,
    anchors: Anchors,
    frame: Float[Tensor, "size size"],
    config: DiscoverConfig,
    processes: Processes,
) -> Float[Tensor, "size count"]:
    """Leading eigenvectors of the mean JᵀJ by subspace iteration (Halko, Martinsson & Tropp, SIAM Review 2011, section 4.5).

    One application of JᵀJ is a central difference and a backward pass, so the whole matrix is never formed.
    """
    width = min(config.count + OVERSAMPLING, space.size)
    basis = random_basis(width, space.size, config.seed).to(space.generator.device)
    for i in range(ITERATIONS):
        rows = processes.stack(
            len(anchors),
            lambda n, basis=basis: _apply_gram(space, anchors.rows(slice(n, n + 1)), basis, frame, config),
            f"finding active directions ({i + 1}/{ITERATIONS})",
        ).mean(dim=0)
        if i == ITERATIONS - 1:
            values = basis @ rows.T
            return torch.linalg.qr(basis.T @ leading((values + values.T) / 2, config.count))[0]
        basis = torch.linalg.qr(rows.T)[0].T.contiguous()
    raise AssertionError("unreachable: the last iteration returns")


def _apply_gram(
    space: LatentSpace,
    anchor: Anchors,
    basis: Float[Tensor, "width size"],
    frame: Float[Tensor, "size size"],
    config: DiscoverConfig,
) -> Float[Tensor, "width size"]:
    """JᵀJ v for every row v of a basis, each output's share divided by its own trace where there are several."""
    steps = basis @ frame
    with torch.no_grad():
        changes = jacobian(space, anchor, steps, config.epsilon, config.batch_size, config.activations)
    result = torch.zeros_like(basis)
    for first in range(0, len(basis), config.batch_size):
        rows = slice(first, first + config.batch_size)
        start = torch.zeros_like(steps[rows], requires_grad=True)
        outputs = space.outputs(anchor, start, config.activations)
        weights = [1.0 if len(outputs) == 1 else 1 / max(float(c.square().sum()), TINY) for c in changes]
        dots = [(o.flatten(1) * c[rows]).sum() * w for o, c, w in zip(outputs, changes, weights, strict=True)]
        result[rows] = torch.autograd.grad(torch.stack(dots).sum(), start)[0] @ frame.T
    return result
