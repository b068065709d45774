"""The one way to move latents: `latents + tensordot(strengths, moves)`; each row of moves is what one step adds to a latent."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Layers = tuple[int, int] | None
"""First layer and one past the last; None means all."""


def as_moves(
    steps: Float[Tensor, "rows size"], space: str, layers: int, ranges: Sequence[Layers]
) -> Float[Tensor, "rows *latent"]:
    """Returns what steps add to z, or to ws, with zeros on the layers that they do not move.

    Args:
        steps: as wide as z, as w, or in w+ as all layers together.
        layers: of the generator; z has none.
        ranges: in w, the layers that each step moves.

    Raises:
        ValueError: a range that reaches past the last layer.
    """
    if space == "z":
        return steps
    for pair in ranges:
        if pair is not None and pair[1] > layers:
            raise ValueError(f"layers {pair[0]} to {pair[1] - 1} are to be moved, and there are {layers}")
    if space == "w+":
        return steps.unflatten(1, (layers, -1))
    mask = steps.new_zeros(len(steps), layers, 1)
    for row, pair in zip(mask, ranges, strict=True):
        row[slice(*(pair or (0, layers)))] = 1
    return steps[:, None] * mask


def moved(
    latents: Float[Tensor, "batch *latent"], moves: Float[Tensor, "rows *latent"], strengths: Float[Tensor, "*each rows"]
) -> Float[Tensor, "batch *latent"]:
    """Returns latents after all moves, each multiplied by its strength.

    Args:
        strengths: one of each move for all latents, or a row for each latent.
    """
    return latents + torch.tensordot(strengths.to(moves), moves, dims=1).to(latents)
