"""Which feature maps of a generator a step in a latent space changes: a chunk of z or a range of layers enters late."""

from collections.abc import Sequence

import torch

from orojar_finetune.latents.latent_space import LatentSpace

ANCHORS = 4
"""Latents that are looked at: at a single one every unit that a step reaches may happen to be switched off."""
ROUNDING = 1e-6
"""Relative to a map's largest value: what differs less has not changed."""


@torch.no_grad()
def moved_features(space: LatentSpace, seed: int, named: Sequence[int] = ()) -> tuple[int, ...]:
    """The feature layers whose maps a step in this space changes, in order.

    Args:
        named: the layers that are asked for, all of which must change; none asks for those of the whole generator that do.

    Raises:
        ValueError: a layer that is asked for stays the same, or none of the generator changes.
    """
    rng = torch.Generator().manual_seed(seed)
    every = range(len(space.generator.feature_layers))
    anchors = space.sample(ANCHORS, rng)
    deviations = space.covariance(rng).diagonal().sqrt()
    steps = torch.randn(ANCHORS, space.size, generator=rng).to(deviations) * deviations
    change, largest = torch.zeros(2, len(every))
    for i in range(ANCHORS):  # one image at a time: all maps of all layers are in memory
        anchor, step = anchors.rows(slice(i, i + 1)), steps[i : i + 1]
        before, after = (space.outputs(anchor, rows, every)[1:] for rows in (torch.zeros_like(step), step))
        for layer, (a, b) in enumerate(zip(before, after, strict=True)):
            change[layer] = change[layer].maximum((b - a).abs().max().cpu())
            largest[layer] = largest[layer].maximum(torch.stack([a, b]).abs().max().cpu())
    moved = [layer for layer in every if change[layer] > ROUNDING * largest[layer]]
    if not moved:
        raise ValueError("no feature map of this generator changes with its latent: there is nothing to find directions by")
    if not set(named) <= set(moved):
        raise ValueError(f"activations must be layers that these directions change, of {tuple(moved)}, got {tuple(named)}")
    return tuple(named) or tuple(moved)
