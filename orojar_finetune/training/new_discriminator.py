"""A discriminator for generators that come without one."""

import torch

from orojar_adapters import Generator
from orojar_adapters.stylegan2_discriminator import StyleGAN2Discriminator

SMALLEST, LARGEST = 16, 512


def new_discriminator(generator: Generator, width: int, seed: int) -> StyleGAN2Discriminator:
    """One of the generator's image size, with weights that depend on the seed alone.

    Args:
        width: feature maps at each resolution are this over the resolution, from 16 to 512 (StyleGAN2: 32768).

    Raises:
        ValueError: an image size that is no power of two.
    """
    sizes = [4 << i for i in range((generator.resolution // 4).bit_length())]
    channels = [max(SMALLEST, min(LARGEST, width // size)) for size in sizes]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StyleGAN2Discriminator(
            generator.resolution, channels, generator.num_classes, generator.image_channels, label_size=min(512, channels[0])
        )
