"""Random orthonormal directions: what every method must beat."""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Orthonormal rows of a uniformly random rotation."""
    return random_basis(config.count, space.size, config.seed).to(space.generator.device)


def random_basis(count: int, size: int, seed: int) -> Float[Tensor, "count size"]:
    """`count` orthonormal rows, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(size, count, generator=rng))[0].T.contiguous()
