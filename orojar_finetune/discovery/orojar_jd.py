"""`orojar-jd`: OroJaR's direction search without gradient descent.

The paper's search minimizes, over orthonormal Q, the off-diagonal part of QᵀJᵀJQ summed over latents. For sampled Gram matrices
JᵀJ that is joint diagonalization: Jacobi rotations, each optimal in closed form, find it without a learning rate (Cardoso &
Souloumiac, "Jacobi angles for simultaneous diagonalization", SIAM J. Matrix Anal. Appl. 17, 1996). Unlike in the paper, Q is
sought among the most active directions, and every Gram matrix is divided by its trace, so that no latent outweighs the others.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery import jacobian
from orojar_finetune.discovery.bases import leading
from orojar_finetune.latents.gram import trace
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes

SUBSPACE_LATENTS = 16
"""Maximum number of sampled latents in the subspace iteration; the joint diagonalization uses all of them."""
ROUNDING = 1e-28
"""Relative to the squared diagonal: squares of what differs less are rounding."""


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The basis of the span of the most active directions that is closest to orthogonal at all latents together."""
    latents, sigma = jacobian.sampled(space, config)
    if space.size <= jacobian.EXACT_SIZE:
        steps = sigma * torch.eye(space.size, device=space.generator.device)
        grams = jacobian.sampled_grams(space, latents, steps, config, processes)
        active = leading(grams.mean(dim=0), config.count)
        grams = active.T @ grams @ active
    else:
        active = jacobian.active_subspace(space, latents[:SUBSPACE_LATENTS], sigma, config, processes)
        grams = jacobian.sampled_grams(space, latents, sigma * active.T, config, processes)
    return jacobian.unit_rows(sigma * (active @ joint_diagonalize(grams / trace(grams))).T)


def joint_diagonalize(
    matrices: Float[Tensor, "count size size"], tolerance: float = 1e-8, sweeps: int = 100
) -> Float[Tensor, "size size"]:
    """The rotation Q that makes all Q' A Q as diagonal as possible together: least sum of squared off-diagonal entries.

    Each rotation in the plane of two coordinates is optimal in closed form, so there is no step size; the sum falls with every
    one. Computed in float64, on the CPU: the matrices are small, the steps many.

    Args:
        matrices: symmetric and finite.
        tolerance: smallest angle in radians that still counts as a rotation; a sweep without one ends the search.
        sweeps: the most passes over all pairs.

    Returns:
        Q with the new directions in its columns.

    Raises:
        ValueError: values that are not finite.
    """
    a = matrices.cpu().to(torch.float64, copy=True)
    if not a.isfinite().all():
        raise ValueError("matrices that are not finite cannot be diagonalized")
    size = a.shape[-1]
    rotation = torch.eye(size, dtype=a.dtype)
    for _ in range(sweeps):
        turned = False
        for p in range(size - 1):
            for q in range(p + 1, size):
                angle = _angle(a[:, p, p], a[:, q, q], a[:, p, q])
                if abs(angle) > tolerance:
                    turned = True
                    _rotate(a, rotation, p, q, angle)
        if not turned:
            break
    return rotation.to(matrices)


def _angle(first: Tensor, second: Tensor, off: Tensor) -> float:
    """The angle that minimizes the off-diagonal entries of a pair of coordinates (equation 3.3, real case).

    At most an eighth of a turn; 0 where the pair is alike in all directions up to rounding.
    """
    gap = first - second
    along = float(gap @ gap - 4 * off @ off)
    across = float(4 * gap @ off)
    if math.hypot(along, across) <= ROUNDING * float(first @ first + second @ second):
        return 0.0
    return 0.25 * math.atan2(across, along)


def _rotate(a: Tensor, rotation: Tensor, p: int, q: int, angle: float) -> None:
    c, s = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[c, -s], [s, c]], dtype=a.dtype)
    pair = [p, q]
    a[:, :, pair] = a[:, :, pair] @ turn
    a[:, pair, :] = turn.T @ a[:, pair, :]
    rotation[:, pair] = rotation[:, pair] @ turn
