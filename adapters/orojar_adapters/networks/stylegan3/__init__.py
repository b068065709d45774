"""StyleGAN3, configurations T and R."""

from orojar_adapters.networks.stylegan3.generator import StyleGAN3

__all__ = ["StyleGAN3"]
