"""A discriminator for generators that come without one."""

import torch

from orojar_adapters import Generator
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator

LARGE = 128
"""Pixels from which a generator counts as large."""


def new_discriminator(generator: Generator, width: int, seed: int) -> StyleGAN2Discriminator:
    """One of the generator's image size, with weights that depend on the seed alone.

    Args:
        width: feature maps at full resolution; with every halving they double, to 8 or for large images 16 times as many, as
            in StyleGAN2.

    Raises:
        ValueError: an image size that is no power of two.
    """
    sizes = [4 << i for i in range((generator.resolution // 4).bit_length())]
    most = 16 if generator.resolution >= LARGE else 8
    channels = [width * min(most, generator.resolution // size) for size in sizes]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StyleGAN2Discriminator(
            generator.resolution, channels, generator.num_classes, generator.image_channels, label_size=min(512, channels[0])
        )
