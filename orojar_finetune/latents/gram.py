"""Gram matrices JᵀJ of a generator's Jacobian along directions, one latent at a time so that memory stays small."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.runtime.reproducible import full_precision


@torch.no_grad()
def gram_matrix(
    space: LatentSpace,
    anchor: Anchors,
    directions: Float[Tensor, "directions size"],
    step: float,
    batch_size: int,
    activations: Sequence[int] = (),
) -> Float[Tensor, "directions directions"]:
    """The inner products of the changes that the directions make at one anchor, by central differences.

    With activations, the mean over image and activations of their Gram matrices, each divided by its trace: only then do they
    weigh the same.

    Args:
        directions: rows; their lengths count.
        step: length of the difference, in lengths of the directions.
        batch_size: the most images generated at once.
    """
    grams = [c @ c.T for c in jacobian(space, anchor, directions, step, batch_size, activations)]
    return grams[0] if len(grams) == 1 else torch.stack([g / trace(g) for g in grams]).mean(dim=0)


def jacobian(
    space: LatentSpace,
    anchor: Anchors,
    directions: Float[Tensor, "directions size"],
    step: float,
    batch_size: int,
    activations: Sequence[int] = (),
) -> list[Float[Tensor, "directions values"]]:
    """How each output (image, then activations) changes along each direction at one anchor."""
    steps = torch.cat([step * directions, -step * directions])
    with full_precision():
        parts = [space.outputs(anchor, rows, activations) for rows in steps.split(batch_size)]
    columns = []
    for values in zip(*parts, strict=True):
        high, low = torch.cat([v.flatten(1) for v in values]).chunk(2)
        columns.append((high - low) / (2 * step))
    return columns


def trace(gram: Float[Tensor, "*batch size size"]) -> Float[Tensor, "*batch 1 1"]:
    """The trace, kept as two dimensions of one; at least the smallest positive number."""
    total = gram.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    return total.clamp_min(torch.finfo(gram.dtype).tiny)[..., None, None]
