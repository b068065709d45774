"""Measures the effect of directions on the true factors of scenes, and DCI's disentanglement and completeness."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.scenes.reader import FactorReader, load_reader
from orojar_finetune.scenes.rendering import FACTORS

NEGLIGIBLE = 0.1
"""An effect in variances below which a factor does not count as moved: a third of its standard deviation."""


@dataclass(frozen=True)
class GroundTruth:
    """The effects of directions on the true factors.

    Attributes:
        disentanglement: whether each direction moves one factor, in [0, 1].
        completeness: whether each factor is moved by one direction, in [0, 1].
        unmoved: factors that no direction moves.
        effects: mean squared change of each factor by one sigma of each direction, in variances of the factor.
    """

    disentanglement: float
    completeness: float
    unmoved: tuple[str, ...]
    effects: Float[Tensor, "directions factors"]


def ground_truth(generator: Generator, directions: Directions, latents: int = 256, seed: int = 0) -> GroundTruth:
    """Measures the effects of directions on the true factors of scenes.

    Args:
        latents: at which steps of one sigma are taken.
    """
    effects = effects_by_latent(generator, directions, load_reader(generator.device), latents, seed).mean(dim=0).float()
    disentanglement, completeness = disentanglement_completeness(effects)
    return GroundTruth(disentanglement, completeness, tuple(unmoved(effects)), effects)


@torch.no_grad()
def effects_by_latent(
    generator: Generator,
    directions: Directions,
    reader: FactorReader,
    latents: int = 256,
    seed: int = 0,
    batch_size: int = 64,
) -> Float[Tensor, "latents directions factors"]:
    """Returns the squared change of each factor by one sigma of each direction at each latent, averaged over both signs.

    The mean over latents is the effect matrix. Its unit is the factor's variance over the generator's own images, in which two
    unrelated images differ by 2. The variance counts as no smaller than the reader's squared error, so that this error does not
    look like an effect on a factor that never changes. The error is part of the effects too: very small ones mean nothing.

    Args:
        generator: of RGB images of scenes, on the reader's device.
        reader: from `load_reader`.
        latents: how many; classes are drawn with them.
        batch_size: images at a time.

    Raises:
        ValueError: fewer than two latents, or images that are not RGB.
    """
    if latents < 2:
        raise ValueError(f"latents must be at least 2 to give a variance, got {latents}")
    space = LatentSpace(generator, directions.space)
    squares, read = [], []
    for batch in _batches(space, latents, seed, batch_size):
        before = read_factors(space, reader, batch)
        read.append(before)

        def square(i: int, strength: float, batch: Latents = batch, before: Tensor = before) -> Tensor:
            return (read_factors(space, reader, batch.edited(directions, {i: strength})) - before).square()

        both = [(square(i, 1.0) + square(i, -1.0)) / 2 for i in range(len(directions))]
        squares.append(torch.stack(both, dim=1))
    variances = torch.cat(read).var(dim=0).maximum(reader.squared_errors.cpu().double())
    return torch.cat(squares) / variances


@torch.no_grad()
def read_factors(space: LatentSpace, reader: FactorReader, latents: Latents) -> Float[Tensor, "latents factors"]:
    """The factors that the reader sees in the images of latents, in float64 on the CPU.

    Raises:
        ValueError: images that are not RGB.
    """
    channels = space.generator.image_channels
    if channels != 3:
        raise ValueError(f"scenes are read off RGB images, this generator makes {channels} channels")
    return reader(space.images(latents)).cpu().double()


def disentanglement_completeness(effects: Float[Tensor, "directions factors"]) -> tuple[float, float]:
    """Returns whether each direction moves one factor, and whether each factor is moved by one direction, in [0, 1].

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
    effects: Float[Tensor, "directions factors"], threshold: float = NEGLIGIBLE, names: Sequence[str] = FACTORS
) -> list[str]:
    """The factors that no direction moves: their largest effect is below a threshold, in variances."""
    largest = effects.amax(dim=0).tolist()
    return [name for name, effect in zip(names, largest, strict=True) if effect < threshold]


def _entropies(weights: Float[Tensor, "rows columns"]) -> Float[Tensor, " rows"]:
    """The entropy of each row as a distribution, relative to the largest possible; 0 for one column and for rows of zeros."""
    shares = weights / weights.sum(dim=1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
    return torch.special.entr(shares).sum(dim=1) / math.log(max(weights.shape[1], 2))


def _batches(space: LatentSpace, latents: int, seed: int, batch_size: int) -> Iterator[Latents]:
    """Sampled latents in batches, each with random numbers of its own."""
    for first in range(0, latents, batch_size):
        yield space.sample(min(batch_size, latents - first), rng(seed, "effects", first))
