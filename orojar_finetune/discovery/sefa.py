"""SeFa: directions that the first weights stretch most (Shen & Zhou, CVPR 2021, equation 7).

As in the authors' code, every row of the modulation matrices is first scaled to length 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery.jacobian import leading
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Leading eigenvectors of AᵀA, with A the stacked matrices that first meet the latent, on the layers that are moved.

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
