"""Networks with fresh weights: a discriminator for a generator that comes without one, a generator to train from scratch."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.generator import Generator
from orojar_adapters.networks.families import FAMILIES
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator

LARGE = 128
"""Pixels from which a generator counts as large."""


def new_discriminator(generator: Generator, width: int, seed: int) -> Discriminator:
    """Returns a StyleGAN2 discriminator for a generator's images, with weights that depend on the seed alone.

    Args:
        width: feature maps at full resolution; they double with every halving, up to 8 times as many, or 16 times for large
            images, as in StyleGAN2.

    Raises:
        ValueError: an image size that is not a power of two.
    """
    sizes = [4 << i for i in range((generator.resolution // 4).bit_length())]
    most = 16 if generator.resolution >= LARGE else 8
    channels = [width * min(most, generator.resolution // size) for size in sizes]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StyleGAN2Discriminator(
            generator.resolution, channels, generator.num_classes, generator.image_channels, label_size=min(512, channels[0])
        )


def new_networks(
    family: str, sizes: dict[str, Any], discriminator_channels: Sequence[int], seed: int
) -> tuple[Generator, Discriminator]:
    """Returns an unconditional RGB generator and a StyleGAN2 discriminator, with weights that depend on the seed alone.

    Args:
        sizes: arguments of any families; those that this one does not have are ignored.
        discriminator_channels: feature maps at 4 x 4, 8 x 8, ... up to the resolution.

    Raises:
        ValueError: no such family, one that needs other arguments than these, or sizes that it does not have.
    """
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    asked = inspect.signature(FAMILIES[family]).parameters
    missing = [name for name, p in asked.items() if p.default is p.empty and name not in sizes]
    if missing or "resolution" not in asked:
        raise ValueError(f"{family} cannot be trained from scratch here, only tuned; stylegan2, stylegan and pggan can")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = FAMILIES[family](**{name: size for name, size in sizes.items() if name in asked})
        return generator, StyleGAN2Discriminator(generator.resolution, list(discriminator_channels))
