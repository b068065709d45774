"""Anchors a batch at a time, and what they look like: the loop that most measures share."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.latents.latent_space import Anchors, LatentSpace


@torch.no_grad()
def anchor_batches(space: LatentSpace, count: int, rng: torch.Generator, batch_size: int) -> Iterator[Anchors]:
    """The anchors of `space.sample`, whatever the batch size; the ws of many layers are never all in memory."""
    z, labels = space.generator.sample_latents(count, rng), space.generator.sample_labels(count, rng)
    drawn = Anchors(z, labels)
    for start in range(0, count, batch_size):
        yield in_space(space, drawn.rows(slice(start, start + batch_size)))


@torch.no_grad()
def in_space(space: LatentSpace, drawn: Anchors) -> Anchors:
    """Anchors in z as anchors in a space."""
    if space.name == "z":
        return drawn
    return Anchors(space.generator.map(drawn.latents, drawn.labels), drawn.labels)


@torch.no_grad()
def image(space: LatentSpace, anchors: Anchors) -> Float[Tensor, "batch channels height width"]:
    """The images of anchors, in float32, nominally in [-1, 1], not clamped."""
    still = anchors.latents.new_zeros(len(anchors), space.size)
    return space.outputs(anchors, still)[0].float()


def by_latent(
    space: LatentSpace, count: int, rng: torch.Generator, batch_size: int, measure: Callable[[Anchors], Tensor]
) -> Float[Tensor, "latents ..."]:
    """What is measured at each of so many sampled latents, on the CPU.

    Args:
        batch_size: latents at a time.
        measure: takes a batch of anchors, gives one row for each.

    Raises:
        ValueError: no latents.
    """
    if count < 1:
        raise ValueError(f"latents must be at least 1, got {count}")
    return torch.cat([measure(anchors).cpu() for anchors in anchor_batches(space, count, rng, batch_size)])
