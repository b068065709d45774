"""`random`, `axes`, `sefa`: directions without a search, which every search must beat."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_finetune.config import AxesOptions, DiscoverConfig
from orojar_finetune.discovery.bases import leading, random_basis
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures.direction_set import squared_change
from orojar_finetune.runtime.processes import Processes


def find_random(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Orthonormal rows of a uniformly random rotation."""
    return random_basis(config.count, space.size, config.seed).to(space.generator.device)


def find_axes(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The coordinates of the latent along which one standard deviation changes the image most.

    What a generator that was trained to be disentangled is read by.
    """
    options: AxesOptions = config.options
    rng = torch.Generator().manual_seed(config.seed)
    moves = space.moves(space.covariance(rng).diagonal().sqrt().diag())
    latents = space.sample(options.latents, rng)

    def change(i: int) -> Tensor:
        return squared_change(space, latents[i : i + 1], moves, config.batch_size)

    changes = processes.stack(len(latents), change, "measuring the axes").mean(dim=0)
    chosen = changes.argsort(descending=True, stable=True)[: config.count]
    return torch.eye(space.size, device=moves.device)[chosen]


def find_sefa(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """SeFa: the directions that the first weights stretch most (Shen & Zhou, CVPR 2021, equation 7).

    The leading eigenvectors of AᵀA, with A the stacked matrices that first meet the latent, on the layers that are moved. As in
    the authors' code, every row of A is first scaled to length 1.

    Raises:
        ValueError: z of a generator with a w, whose mapping no matrix describes, or w+.
    """
    generator = space.generator
    if space.name != "w" and "w" in generator.spaces:
        raise ValueError("sefa factorizes the modulation of w: choose the space w")
    first, end = space.layers or (0, len(generator.layers))
    weights = [weight[:, space.coordinates] for weight in generator.modulation_weights()[first:end]]
    stacked = torch.cat([F.normalize(weight, dim=1) for weight in weights])
    return leading(stacked.T @ stacked, config.count).T.contiguous()
