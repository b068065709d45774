"""`orojar`, `hessian` and their scale-free forms: an orthonormal basis by descent on a penalty, the generator frozen.

- OroJaR's direction search (Wei et al., ICCV 2021, section 3.4): the paper's loss in the coefficients of the directions at 0,
  the mean over latents, as in the authors' code for BigGAN.
- The Hessian Penalty's (Peebles et al., ECCV 2020, as on BigGAN): directions are independent where the effect of one does not
  depend on how far the latent has moved along the others. As in the authors' code, the Hessian is taken at a random distance
  along one direction, and the loss is the mean over latents and pixels.

Either loss falls when directions do less, so descent drifts to directions that do nothing. The scale-free forms, which are
ours, divide by the squared trace of JᵀJ, or for the Hessian, taken at 0 there, by the mean squared slope.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_finetune import penalty
from orojar_finetune.config import DiscoverConfig, HessianOptions, PenaltyOptions
from orojar_finetune.discovery.bases import descend_basis, random_basis
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes

Penalty = Callable[..., Tensor]
"""One of `orojar_finetune.penalty`, which are called alike."""
Coefficients = Callable[[int, torch.Generator], Tensor]
"""Where a penalty is taken: latents and random numbers to one row of coefficients per latent."""


def find_orojar(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The basis with the least OroJaR penalty, in the paper's form."""
    return least_penalized(space, config, processes, penalty.orojar, scale_free=False)


def find_orojar_scale_free(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The basis with the least OroJaR penalty, divided by the squared trace."""
    return least_penalized(space, config, processes, penalty.orojar, scale_free=True)


def find_hessian(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The basis with the least Hessian Penalty, in the authors' form."""
    options: HessianOptions = config.options

    def along_one(latents: int, rng: torch.Generator) -> Tensor:
        chosen = torch.randint(config.count, (latents,), generator=rng)
        distances = (2 * torch.rand(latents, generator=rng) - 1) * options.path_size
        return F.one_hot(chosen, config.count) * distances[:, None]

    return least_penalized(space, config, processes, penalty.hessian_penalty, scale_free=False, at=along_one)


def find_hessian_scale_free(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The basis with the least Hessian Penalty, divided by the mean squared slope."""
    return least_penalized(space, config, processes, penalty.hessian_penalty, scale_free=True)


def least_penalized(
    space: LatentSpace,
    config: DiscoverConfig,
    processes: Processes,
    penalize: Penalty,
    scale_free: bool,
    at: Coefficients | None = None,
) -> Float[Tensor, "count size"]:
    """Returns the basis that gradient descent on a penalty finds, with new latents every step.

    Args:
        at: the coefficients at which the penalty is taken; None means 0.

    Raises:
        ValueError: a single direction, which nothing can be orthogonal to.
    """
    options: PenaltyOptions = config.options
    if config.count < 2:
        raise ValueError(
            f"{config.method} makes directions independent of each other: count must be at least 2, got {config.count}"
        )
    scale = space.covariance(torch.Generator().manual_seed(config.seed)).diagonal().mean().sqrt()

    def loss(basis: Tensor, step: int) -> Tensor:
        """Returns this process's share of the loss; draws are divided among processes, so that any number of them agrees."""
        rng = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        everyone = space.sample(options.latents, rng)
        signs = penalty.rademacher((options.probes, options.latents, config.count), basis, rng)
        coefficients = torch.zeros(options.latents, config.count) if at is None else at(options.latents, rng)
        share = processes.rows(options.latents)
        latents = everyone[share]
        return penalize(
            lambda rows: space.outputs(latents, space.moves(scale * rows @ basis), options.activations),
            coefficients[share].to(basis),
            probes=options.probes,
            epsilon=options.epsilon,
            scale_free=scale_free,
            signs=signs[:, share],
        )

    start = random_basis(config.count, space.size, config.seed).to(space.generator.device)
    return descend_basis(loss, start, options, processes)
