"""What directions do to the factors that made a scene, and how neatly they share the work."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.measures.anchor_images import image
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.scenes.reader import FactorReader
from orojar_finetune.scenes.rendering import FACTORS

STILL = 0.1
"""An effect in variances under which nobody would say that a direction moves a factor: a third of its standard deviation."""
FACTOR_VARIANCE = 1 / 12
"""Of a number that is uniform in [0, 1]."""


def effect_matrix(
    generator: Generator,
    directions: Directions,
    reader: FactorReader,
    latents: int = 256,
    seed: int = 0,
    batch_size: int = 64,
) -> Float[Tensor, "directions factors"]:
    """For each direction and factor the mean squared change of the factor by a step of one sigma, forth and back.

    In units of the factor's variance over the generator's own images: two unrelated images differ by 2. The variance counts as
    no smaller than the reader's squared error, so that what never changes does not turn that error into effects. The error is
    in the effects too: those near `noise_floor` say nothing.

    Args:
        generator: of RGB images of scenes, on the reader's device.
        reader: from `load_reader`.
        latents: how many to average over; classes are drawn with them.
        batch_size: images at a time.

    Raises:
        ValueError: fewer than two latents, or images that are not RGB.
    """
    return effects_by_latent(generator, directions, reader, latents, seed, batch_size).mean(dim=0).float()


@torch.no_grad()
def effects_by_latent(
    generator: Generator,
    directions: Directions,
    reader: FactorReader,
    latents: int = 256,
    seed: int = 0,
    batch_size: int = 64,
) -> Float[Tensor, "latents directions factors"]:
    """The squared changes at each latent, in float64, of which the effect matrix is the mean; see there.

    All are in units of the variances over all the latents, also where some of them are resampled.
    """
    if latents < 2:
        raise ValueError(f"latents must be at least 2 to give a variance, got {latents}")
    space = LatentSpace(generator, directions.space)
    squares, read = [], []
    for anchors in _anchors(space, latents, seed, batch_size):
        before = read_factors(space, reader, anchors)
        read.append(before)

        def square(i: int, strength: float, anchors: Anchors = anchors, before: Tensor = before) -> Tensor:
            moved = dataclasses.replace(anchors, latents=directions.apply(anchors.latents, {i: strength}))
            return (read_factors(space, reader, moved) - before).square()

        both = [(square(i, 1.0) + square(i, -1.0)) / 2 for i in range(len(directions))]
        squares.append(torch.stack(both, dim=1))
    variances = torch.cat(read).var(dim=0).maximum(reader.squared_errors.cpu().double())
    return torch.cat(squares) / variances


@torch.no_grad()
def read_factors(space: LatentSpace, reader: FactorReader, anchors: Anchors) -> Float[Tensor, "latents factors"]:
    """What the reader sees in the images of anchors, in float64 on the CPU.

    Raises:
        ValueError: images that are not RGB.
    """
    channels = space.generator.image_channels
    if channels != 3:
        raise ValueError(f"scenes are read off RGB images, this generator makes {channels} channels")
    return reader(image(space, anchors)).cpu().double()


def noise_floor(reader: FactorReader) -> Float[Tensor, " factors"]:
    """The effect on each factor that two readings with independent errors show where nothing has changed.

    In variances of the factors of scenes; a generator that varies them less has a higher one.
    """
    return 2 * reader.squared_errors.cpu() / FACTOR_VARIANCE


def disentanglement_completeness(effects: Float[Tensor, "directions factors"]) -> tuple[float, float]:
    """Whether each direction moves one factor, and whether each factor is moved by one direction; both in [0, 1].

    One minus the entropies of the rows and of the columns, each weighted by its share of all effects (Eastwood and Williams,
    ICLR 2018, with effects for importances). Rows and columns without effect weigh nothing; without any effect both are 0.

    Args:
        effects: not negative.
    """
    effects = effects.double()
    total = effects.sum()
    if total == 0:
        return 0.0, 0.0
    disentanglement = (effects.sum(dim=1) / total * (1 - _entropies(effects))).sum()
    completeness = (effects.sum(dim=0) / total * (1 - _entropies(effects.T))).sum()
    return disentanglement.item(), completeness.item()


def unmoved(
    effects: Float[Tensor, "directions factors"], threshold: float = STILL, names: Sequence[str] = FACTORS
) -> list[str]:
    """The factors that no direction moves: those whose largest effect is under a threshold, in variances."""
    largest = effects.amax(dim=0).tolist()
    return [name for name, effect in zip(names, largest, strict=True) if effect < threshold]


def _entropies(weights: Float[Tensor, "rows columns"]) -> Float[Tensor, " rows"]:
    """Of each row as a distribution, in units of the largest there can be; 0 for one column and for rows of zeros."""
    shares = weights / weights.sum(dim=1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
    return torch.special.entr(shares).sum(dim=1) / math.log(max(weights.shape[1], 2))


def _anchors(space: LatentSpace, latents: int, seed: int, batch_size: int) -> Iterator[Anchors]:
    """In batches, each with draws of its own."""
    for first in range(0, latents, batch_size):
        yield space.sample(min(batch_size, latents - first), rng(seed, "effects", first))
