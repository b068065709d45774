"""What an edit keeps."""

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.measures.anchor_images import by_latent, image
from orojar_finetune.measures.features import Extractor

STRENGTH = 2.0


def preservation(
    generator: Generator,
    directions: Directions,
    extract: Extractor,
    rng: torch.Generator,
    latents: int = 256,
    strength: float = STRENGTH,
    batch_size: int = 64,
) -> Float[Tensor, "latents directions"]:
    """The cosine similarity of an image's features before and after an edit, the mean of forth and back; at most 1.

    What it means is what the features mean. With those of a face recogniser it is the identity preservation of the editing
    literature, and the mean over latents its usual figure. With `inception` it says how alike the objects in the pictures are,
    with `scenes` or `random` how alike the pictures look, never whose they are; features that are positive are alike to begin
    with, so that only figures of the same features compare. A direction that does nothing keeps everything: read it beside the
    activity. What directions do to the factors of scenes is better told by the effect matrix.

    Args:
        extract: on the generator's device.
        strength: of the edit, in sigmas.
        batch_size: the most images generated at once.

    Raises:
        ValueError: no latents, or images that the features are not made for.
    """
    space = LatentSpace(generator, directions.space)

    def similarities(anchors: Anchors) -> Tensor:
        before = extract(image(space, anchors)).cpu().double()

        def similarity(direction: int, step: float) -> Tensor:
            edited = dataclasses.replace(anchors, latents=directions.apply(anchors.latents, {direction: step}))
            return F.cosine_similarity(before, extract(image(space, edited)).cpu().double())

        both = [(similarity(i, strength) + similarity(i, -strength)) / 2 for i in range(len(directions))]
        return torch.stack(both, dim=1).float()

    return by_latent(space, latents, rng, batch_size, similarities)
