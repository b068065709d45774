"""How much of an image's features an edit preserves."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Latents, LatentSpace, by_latent
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
    """The cosine similarity of an image's features before and after an edit, the mean of both ways; at most 1.

    Its meaning depends on the features. With those of a face recognition network it is the identity preservation of the editing
    literature, reported as the mean over latents. With `inception` it compares the objects in the images, with `scenes` or
    `random` their appearance. Features that are positive are similar to begin with, so compare only figures of the same
    features. A direction that does nothing preserves everything: read it beside the activity.

    Args:
        extract: on the generator's device.
        strength: of the edit, in sigmas.
        batch_size: the most images generated at once.

    Raises:
        ValueError: no latents, or images that the features are not made for.
    """
    space = LatentSpace(generator, directions.space)

    def similarities(at: Latents) -> Tensor:
        before = extract(space.images(at)).cpu().double()

        def similarity(direction: int, step: float) -> Tensor:
            after = extract(space.images(at.edited(directions, {direction: step}))).cpu().double()
            return F.cosine_similarity(before, after)

        both = [(similarity(i, strength) + similarity(i, -strength)) / 2 for i in range(len(directions))]
        return torch.stack(both, dim=1).float()

    return by_latent(space, latents, rng, batch_size, similarities)
