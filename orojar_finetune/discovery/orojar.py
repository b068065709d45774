"""OroJaR's direction search as in the paper (section 3.4): an orthonormal basis by descent, the generator frozen."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune import penalty
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery.descent import descend_basis
from orojar_finetune.discovery.random import random_basis
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes

Penalty = Callable[..., Tensor]
"""One of `orojar_finetune.penalty`, which are called alike."""


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The basis with the least OroJaR penalty in its coefficients at 0, on fresh latents every step."""
    return least_penalized(space, config, processes, penalty.orojar)


def least_penalized(
    space: LatentSpace, config: DiscoverConfig, processes: Processes, penalize: Penalty
) -> Float[Tensor, "count size"]:
    """The basis that descent on a penalty in its coefficients at 0 reaches, on fresh latents every step.

    Raises:
        ValueError: a single direction, which nothing can be orthogonal to.
    """
    descent = config.descent
    if config.count < 2:
        raise ValueError(
            f"{config.method} makes directions independent of each other: count must be at least 2, got {config.count}"
        )
    scale = space.covariance(torch.Generator().manual_seed(config.seed)).diagonal().mean().sqrt()

    def loss(basis: Tensor, step: int) -> Tensor:
        """This process's share; latents and signs are drawn for all and then divided, so any number of processes agrees."""
        rng = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        everyone = space.sample(descent.batch_size, rng)
        signs = penalty.rademacher((descent.probes, descent.batch_size, config.count), basis, rng)
        share = processes.rows(descent.batch_size)
        anchors = everyone.rows(share)
        return penalize(
            lambda coefficients: space.outputs(anchors, scale * coefficients @ basis, config.activations),
            basis.new_zeros(len(anchors), config.count),
            probes=descent.probes,
            epsilon=descent.epsilon,
            scale_free=descent.scale_free,
            signs=signs[:, share],
        )

    start = random_basis(config.count, space.size, config.seed).to(space.generator.device)
    return descend_basis(loss, start, descent, processes)
