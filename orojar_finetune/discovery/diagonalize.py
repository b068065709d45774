"""Joint diagonalization of symmetric matrices by Jacobi rotations.

Cardoso & Souloumiac, "Jacobi angles for simultaneous diagonalization", SIAM J. Matrix Anal. Appl. 17 (1996).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

ROUNDING = 1e-28
"""Relative to the squared diagonal: squares of what differs less are rounding."""


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
    """The angle that minimises the off-diagonal entries of a pair of coordinates (equation 3.3, real case).

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
