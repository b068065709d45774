"""`axes`: the coordinates of the latent itself, without any search: what a generator trained to be disentangled is read by."""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures.activity import squared_change
from orojar_finetune.runtime.processes import Processes


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The coordinate axes along which a step of one standard deviation changes the image most, over the sampled latents."""
    rng = torch.Generator().manual_seed(config.seed)
    steps = space.covariance(rng).diagonal().sqrt().diag()
    anchors = space.sample(config.latents, rng)

    def change(i: int) -> Tensor:
        return squared_change(space, anchors.rows(slice(i, i + 1)), steps, config.batch_size)

    changes = processes.stack(config.latents, change, "measuring the axes").mean(dim=0)
    chosen = changes.argsort(descending=True, stable=True)[: config.count]
    return torch.eye(space.size, device=steps.device)[chosen]
