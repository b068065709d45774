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

from orojar_finetune.config import DiscoverConfig, JacobianOptions
from orojar_finetune.discovery.bases import leading, random_basis
from orojar_finetune.latents.gram import gram_matrix, jacobian
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.runtime.processes import Processes

EXACT_SIZE = 128
"""Latents up to this width get their whole Gram matrices; wider ones a subspace iteration, which costs less."""
TINY = 1e-30
"""Instead of the squared change of an output that does not change."""
OVERSAMPLING = 10
ITERATIONS = 3


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Leading eigenvectors of the mean JᵀJ over the sampled latents."""
    latents, sigma = sampled(space, config)
    if space.size <= EXACT_SIZE:
        steps = sigma * torch.eye(space.size, device=space.generator.device)
        active = leading(sampled_grams(space, latents, steps, config, processes).mean(dim=0), config.count)
    else:
        active = active_subspace(space, latents, sigma, config, processes)
    return unit_rows(sigma * active.T)


def sampled(space: LatentSpace, config: DiscoverConfig) -> tuple[Latents, Float[Tensor, ""]]:
    """Returns the latents at which Jacobians are sampled, and one coordinate's standard deviation, the unit of steps."""
    options: JacobianOptions = config.options
    rng = torch.Generator().manual_seed(config.seed)
    sigma = space.covariance(rng).diagonal().mean().sqrt()
    return space.sample(options.latents, rng), sigma


def unit_rows(steps: Float[Tensor, "count size"]) -> Float[Tensor, "count size"]:
    """Steps scaled to length 1."""
    return F.normalize(steps.contiguous(), dim=1)


def sampled_grams(
    space: LatentSpace,
    latents: Latents,
    steps: Float[Tensor, "steps size"],
    config: DiscoverConfig,
    processes: Processes,
) -> Float[Tensor, "latents steps steps"]:
    """Returns the Gram matrices of the changes that steps make, one per latent."""
    options: JacobianOptions = config.options
    moves = space.moves(steps)

    def gram(i: int) -> Tensor:
        return gram_matrix(space, latents[i : i + 1], moves, options.epsilon, config.batch_size, options.activations)

    return processes.stack(len(latents), gram, "sampling Jacobians")


def active_subspace(
    space: LatentSpace,
    latents: Latents,
    sigma: Float[Tensor, ""],
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
            len(latents),
            lambda n, basis=basis: _apply_gram(space, latents[n : n + 1], basis, sigma, config),
            f"finding active directions ({i + 1}/{ITERATIONS})",
        ).mean(dim=0)
        if i == ITERATIONS - 1:
            values = basis @ rows.T
            return torch.linalg.qr(basis.T @ leading((values + values.T) / 2, config.count))[0]
        basis = torch.linalg.qr(rows.T)[0].T.contiguous()
    raise AssertionError("unreachable: the last iteration returns")


def _apply_gram(
    space: LatentSpace,
    latent: Latents,
    basis: Float[Tensor, "width size"],
    sigma: Float[Tensor, ""],
    config: DiscoverConfig,
) -> Float[Tensor, "width size"]:
    """Returns JᵀJ v for every row v of a basis; with several outputs, each one's share is divided by its own trace."""
    options: JacobianOptions = config.options
    steps = sigma * basis
    with torch.no_grad():
        changes = jacobian(space, latent, space.moves(steps), options.epsilon, config.batch_size, options.activations)
    result = torch.zeros_like(basis)
    for first in range(0, len(basis), config.batch_size):
        rows = slice(first, first + config.batch_size)
        start = torch.zeros_like(steps[rows], requires_grad=True)
        outputs = space.outputs(latent, space.moves(start), options.activations)
        weights = [1.0 if len(outputs) == 1 else 1 / max(float(c.square().sum()), TINY) for c in changes]
        dots = [(o.flatten(1) * c[rows]).sum() * w for o, c, w in zip(outputs, changes, weights, strict=True)]
        result[rows] = sigma * torch.autograd.grad(torch.stack(dots).sum(), start)[0]
    return result
