"""Gram matrices JᵀJ of a generator's Jacobian along moves, one latent at a time so that memory stays small."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.runtime.reproducible import full_precision


@torch.no_grad()
def gram_matrix(
    space: LatentSpace,
    latent: Latents,
    moves: Float[Tensor, "moves *latent"],
    step: float,
    batch_size: int,
    activations: Sequence[int] = (),
) -> Float[Tensor, "moves moves"]:
    """The inner products of the changes that moves make at one latent, by central differences.

    With activations, the mean over image and activations of their Gram matrices, each divided by its trace: only then do they
    weigh the same.

    Args:
        moves: their lengths count.
        step: length of the difference, in lengths of the moves.
        batch_size: the most images generated at once.
    """
    grams = [c @ c.T for c in jacobian(space, latent, moves, step, batch_size, activations)]
    return grams[0] if len(grams) == 1 else torch.stack([g / trace(g) for g in grams]).mean(dim=0)


def jacobian(
    space: LatentSpace,
    latent: Latents,
    moves: Float[Tensor, "moves *latent"],
    step: float,
    batch_size: int,
    activations: Sequence[int] = (),
) -> list[Float[Tensor, "moves values"]]:
    """How each output (image, then activations) changes along each move at one latent."""
    both = torch.cat([step * moves, -step * moves])
    with full_precision():
        parts = [space.outputs(latent, rows, activations) for rows in both.split(batch_size)]
    columns = []
    for values in zip(*parts, strict=True):
        high, low = torch.cat([v.flatten(1) for v in values]).chunk(2)
        columns.append((high - low) / (2 * step))
    return columns


def trace(gram: Float[Tensor, "*batch size size"]) -> Float[Tensor, "*batch 1 1"]:
    """Returns the trace, never 0, in the shape (..., 1, 1) so that matrices can be divided by it."""
    total = gram.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    return total.clamp_min(torch.finfo(gram.dtype).tiny)[..., None, None]
