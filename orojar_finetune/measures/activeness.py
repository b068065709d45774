"""Activeness: the measure by which OroJaR's authors sort latent coordinates."""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.coordinates import Coordinates
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Latents, LatentSpace, by_latent

STRENGTHS = (-2.0, 0.0, 2.0)
"""Sigmas that a coordinate is set to."""


def activeness(
    generator: Generator, directions: Directions, rng: torch.Generator, latents: int = 300, batch_size: int = 64
) -> Float[Tensor, "latents directions"]:
    """The variance of each pixel over three settings of one coordinate, averaged over pixels and channels.

    The mean over latents is the authors' activeness (Peebles et al., ECCV 2020; as in the code of Wei et al., ICCV 2021): the
    component along the direction is set to -2, 0 and 2 sigmas, not moved by them, and the variance is the unbiased one. With
    `latent_axes` it is their measure of the coordinates of a normal z. It is in squared pixel values, which run from -1 to 1,
    and grows with contrast; activity does not.

    Args:
        batch_size: the most images generated at once.

    Raises:
        ValueError: no latents.
    """
    space = LatentSpace(generator, directions.space)
    coordinates = Coordinates.of(generator, directions, rng)

    def variance(at: Latents, direction: int) -> Tensor:
        which = torch.full((len(at),), direction)
        values = [coordinates.set(at.values, which, torch.full((len(at),), strength)) for strength in STRENGTHS]
        images = torch.stack([space.images(Latents(some, at.labels)) for some in values])
        return images.var(dim=0).flatten(1).mean(dim=1)

    def variances(at: Latents) -> Tensor:
        return torch.stack([variance(at, i) for i in range(len(directions))], dim=1)

    return by_latent(space, latents, rng, batch_size, variances)
