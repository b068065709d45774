"""Checks of the sizes that a network is made with, before anything is allocated for them.

Each check raises a `ValueError` that names the size, what is allowed and the value given.
"""

import math
from collections.abc import Sequence
from typing import Any

LARGEST_IMAGE = 4096
LARGEST_WIDTH = 16384
MOST_CLASSES = 100_000
MOST_CHANNELS = 16
MOST_BLOCKS = 11
"""Image sizes from 4 x 4 to the largest, each twice the one before."""
LIMITS = {
    "num_classes": (0, MOST_CLASSES),
    "image_channels": (1, MOST_CHANNELS),
    "mapping_depth": (1, 64),
    "deviations": (0, LARGEST_WIDTH),
}
"""Least and most of the sizes that are not widths of layers."""


def resolutions(blocks: int) -> list[int]:
    """Returns 4, 8, 16, ...: the image size of each block."""
    return [4 << i for i in range(blocks)]


def check_size(name: str, size: Any, least: int = 1, most: int = LARGEST_WIDTH) -> None:
    """Checks that a size is a whole number in a range."""
    if not isinstance(size, int) or isinstance(size, bool) or not least <= size <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, got {repr(size)[:40]}")


def check_sizes(**sizes: Any) -> None:
    """Checks sizes by name: those in `LIMITS` against their limits, all others as widths of layers."""
    for name, size in sizes.items():
        check_size(name, size, *LIMITS.get(name, (1, LARGEST_WIDTH)))


def check_widths(name: str, widths: Any, least: int, most: int) -> None:
    """Checks that there are from `least` to `most` widths of layers, and each of them."""
    if not isinstance(widths, Sequence) or not least <= len(widths) <= most:
        found = f"{len(widths)} of them" if isinstance(widths, Sequence) else f"a {type(widths).__name__}"
        raise ValueError(f"{name} must be {least} to {most} widths, got {found}")
    for width in widths:
        check_size(name, width)


def check_blocks(resolution: Any, channels: Sequence[Any]) -> None:
    """Checks that a resolution is a power of two and that there is one width for each image size from 4 x 4 up to it."""
    if not isinstance(resolution, int) or resolution not in resolutions(MOST_BLOCKS)[1:]:
        raise ValueError(f"resolution must be a power of two from 8 to {LARGEST_IMAGE}, got {repr(resolution)[:40]}")
    if len(channels) != len(wanted := resolutions(resolution.bit_length() - 2)):
        raise ValueError(f"channels must have one entry for each of {wanted} pixels, got {len(channels)} entries")
    check_widths("channels", channels, 2, MOST_BLOCKS)


def check_positive(**settings: float | None) -> None:
    """Checks that settings are None or finite numbers above 0."""
    for name, value in settings.items():
        if value is not None and not (isinstance(value, (int, float)) and 0 < value < math.inf):
            raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
