"""`hessian`: the Hessian Penalty's direction search (Peebles et al., ECCV 2020, as on BigGAN), the generator frozen.

Directions are independent where one's effect does not depend on how far the others have gone: every output value's Hessian in
their coefficients is diagonal. The authors take it at a random step along one direction; here it is taken at 0, as in OroJaR's
search, so that the latents stay those of the generator.
"""

from jaxtyping import Float
from torch import Tensor

from orojar_finetune import penalty
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery.orojar import least_penalized
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The orthonormal basis with the least Hessian Penalty in its coefficients at 0, on fresh latents every step."""
    return least_penalized(space, config, processes, penalty.hessian_penalty)
