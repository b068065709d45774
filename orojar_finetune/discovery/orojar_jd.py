"""`orojar-jd`: OroJaR's direction search without gradient descent.

The paper's search minimises, over orthonormal Q, the off-diagonal part of QᵀJᵀJQ summed over latents. For sampled Gram
matrices JᵀJ that is joint diagonalization: Jacobi rotations, each optimal in closed form, find it without a learning rate.
Unlike there, Q is sought among the most active directions, and every Gram matrix is divided by its trace, so that no latent
outweighs the others.
"""

from jaxtyping import Float
from torch import Tensor

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery import jacobian
from orojar_finetune.discovery.diagonalize import joint_diagonalize
from orojar_finetune.latents.gram import trace
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes

SUBSPACE_LATENTS = 16
"""Of the sampled latents the subspace iteration looks at no more than these; all of them enter the joint diagonalization."""


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The jointly most orthogonal basis of the span of the most active directions."""
    anchors, frame = jacobian.drawn(space, config)
    if space.size <= jacobian.EXACT_SIZE:
        grams = jacobian.sampled_grams(space, anchors, frame, config, processes)
        active = jacobian.leading(grams.mean(dim=0), config.count)
        grams = active.T @ grams @ active
    else:
        active = jacobian.active_subspace(space, anchors.rows(slice(0, SUBSPACE_LATENTS)), frame, config, processes)
        grams = jacobian.sampled_grams(space, anchors, active.T @ frame, config, processes)
    return jacobian.unit_rows((active @ joint_diagonalize(grams / trace(grams))).T @ frame)
