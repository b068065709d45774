"""How much of the image each direction paints: the measure that OroJaR's authors sort latent coordinates by."""

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.measures.anchor_images import by_latent, image
from orojar_finetune.measures.coordinates import Coordinates

STRENGTHS = (-2.0, 0.0, 2.0)
"""Sigmas that a coordinate is set to."""


def activeness(
    generator: Generator, directions: Directions, rng: torch.Generator, latents: int = 300, batch_size: int = 64
) -> Float[Tensor, "latents directions"]:
    """The variance of each pixel over three settings of one coordinate, averaged over pixels and channels.

    The mean over latents is the authors' activeness (Peebles et al., ECCV 2020; as in the code of Wei et al., ICCV 2021): the
    component along the direction is set to -2, 0 and 2 sigmas, not moved by them, and the variance divides by 2, not 3. With
    `latent_axes` it is their measure of the coordinates of a normal z. In squared units of pixels, which run from -1 to 1: it
    grows with contrast, unlike the activity.

    Args:
        batch_size: the most images generated at once.

    Raises:
        ValueError: no latents.
    """
    space = LatentSpace(generator, directions.space)
    coordinates = Coordinates.of(generator, directions, rng)

    def spread(anchors: Anchors, direction: int) -> Tensor:
        which = torch.full((len(anchors),), direction)
        settings = [torch.full((len(anchors),), strength) for strength in STRENGTHS]
        moved = [dataclasses.replace(anchors, latents=coordinates.set(anchors.latents, which, s)) for s in settings]
        return torch.stack([image(space, at) for at in moved]).var(dim=0).flatten(1).mean(dim=1)

    def spreads(anchors: Anchors) -> Tensor:
        return torch.stack([spread(anchors, i) for i in range(len(directions))], dim=1)

    return by_latent(space, latents, rng, batch_size, spreads)
