"""`orojar-jd` without right angles: the same Gram matrices, diagonalized by directions that may lean on each other.

Pham, "Joint approximate diagonalization of positive definite Hermitian matrices", SIAM J. Matrix Anal. Appl. 22 (2001).
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator
from orojar_finetune import Directions, DiscoverConfig
from orojar_finetune.discovery import jacobian
from orojar_finetune.discovery.diagonalize import joint_diagonalize
from orojar_finetune.discovery.discovering import chosen_space, measured
from orojar_finetune.latents.gram import trace
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes

STEPS, RATE = 500, 0.01
"""Of the descent, with Adam's rate falling to 0."""


def oblique(generator: Generator, config: DiscoverConfig, ridge: float) -> Directions:
    """Directions in the span that `orojar-jd` looks in, at any angles, where the latent is small enough for whole matrices.

    Args:
        config: its space, count, latents and seed.
        ridge: see `diagonalize_obliquely`.
    """
    space, processes = LatentSpace(generator, chosen_space(generator, config), config.layers), Processes(progress=False)
    anchors, frame = jacobian.drawn(space, config)
    grams = jacobian.sampled_grams(space, anchors, frame, config, processes)
    active = jacobian.leading(grams.mean(dim=0), config.count)
    rows = diagonalize_obliquely(active.T @ grams @ active, ridge)
    return measured(space, jacobian.unit_rows(rows @ active.T @ frame), config, processes)


@torch.enable_grad()
def diagonalize_obliquely(
    matrices: Float[Tensor, "count size size"], ridge: float, steps: int = STEPS
) -> Float[Tensor, "size size"]:
    """Rows of unit length, along which all matrices are as diagonal as possible: least mean log of what Hadamard leaves out.

    It starts at the rotation of `joint_diagonalize`. The measure does not ask how long rows are: with nothing to hold them,
    rows lean so far on ones that do nothing that they do nothing either.

    Args:
        matrices: symmetric, each of positive trace, by which it is divided.
        ridge: what is added to the diagonals, in mean entries of them: how much the length of a row counts.
    """
    scaled = (matrices / trace(matrices)).double()
    size = scaled.shape[-1]
    held = scaled + ridge / size * torch.eye(size, dtype=scaled.dtype, device=scaled.device)
    rows = joint_diagonalize(scaled).T.clone().requires_grad_()
    optimizer = torch.optim.Adam([rows], RATE)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        diagonals = (rows @ held * rows).sum(dim=-1)
        loss = diagonals.log().sum(dim=1).mean() - 2 * torch.linalg.slogdet(rows).logabsdet
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return F.normalize(rows.detach(), dim=1).to(matrices)
