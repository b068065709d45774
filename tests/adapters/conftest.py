"""The tiny generators that the contract is tested on: every family, and the variants that some have."""

import pytest

from orojar_adapters import FAMILIES, Generator
from tiny import TINY, tiny_biggan, tiny_dcgan, tiny_pggan, tiny_stylegan, tiny_stylegan2, tiny_stylegan3

VARIANTS = TINY | {
    "stylegan2-gray": lambda: tiny_stylegan2(image_channels=1),
    "stylegan2-rgba": lambda: tiny_stylegan2(image_channels=4),
    "stylegan2-conditional": lambda: tiny_stylegan2(num_classes=3),
    "stylegan3-rotations-gray": lambda: tiny_stylegan3(rotations=True, image_channels=1),
    "stylegan3-conditional": lambda: tiny_stylegan3(num_classes=3),
    "stylegan-conditional": lambda: tiny_stylegan(num_classes=3),
    "pggan-conditional": lambda: tiny_pggan(num_classes=3),
    "biggan-flat": lambda: tiny_biggan(hierarchical=False),
    "dcgan-small-gan": lambda: tiny_dcgan(small_gan=True),
}

VARIANTS |= {family: cls for family, cls in FAMILIES.items() if family not in TINY}
"""Families of other packages are made by the defaults of their arguments."""


@pytest.fixture(params=VARIANTS)
def generator(request: pytest.FixtureRequest) -> Generator:
    """A tiny generator of each family and variant, new for each test."""
    return VARIANTS[request.param]()
