"""Finds the feature maps that a step in a latent space changes: a part of z or a range of layers may enter late."""

from collections.abc import Sequence

import torch

from orojar_finetune.latents.latent_space import LatentSpace

LATENTS = 4
"""Latents that are tried: at a single one every unit that a step reaches may happen to be switched off."""
ROUNDING = 1e-6
"""Relative to a map's largest value: what differs less has not changed."""


@torch.no_grad()
def moved_features(space: LatentSpace, seed: int, named: Sequence[int] = ()) -> tuple[int, ...]:
    """Returns the feature layers that a step in this space changes, in order.

    Args:
        named: the layers wanted, all of which must change; none means every layer that does.

    Raises:
        ValueError: a wanted layer stays the same, or every layer of the generator does.
    """
    rng = torch.Generator().manual_seed(seed)
    every = range(len(space.generator.feature_layers))
    latents = space.sample(LATENTS, rng)
    deviations = space.covariance(rng).diagonal().sqrt()
    moves = space.moves(torch.randn(LATENTS, space.size, generator=rng).to(deviations) * deviations)
    change, largest = torch.zeros(2, len(every))
    for i in range(LATENTS):  # one image at a time: all maps of all layers are in memory
        latent, move = latents[i : i + 1], moves[i : i + 1]
        before, after = (space.outputs(latent, rows, every)[1:] for rows in (torch.zeros_like(move), move))
        for layer, (a, b) in enumerate(zip(before, after, strict=True)):
            change[layer] = change[layer].maximum((b - a).abs().max().cpu())
            largest[layer] = largest[layer].maximum(torch.stack([a, b]).abs().max().cpu())
    moved = [layer for layer in every if change[layer] > ROUNDING * largest[layer]]
    if not moved:
        raise ValueError("no feature map of this generator changes with its latent: there is nothing to find directions by")
    if not set(named) <= set(moved):
        raise ValueError(f"activations must be layers that these directions change, of {tuple(moved)}, got {tuple(named)}")
    return tuple(named) or tuple(moved)
