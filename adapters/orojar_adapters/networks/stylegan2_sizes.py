"""The sizes that a StyleGAN2 can have."""

import math
from collections.abc import Sequence

LARGEST = {"resolution": 4096, "channels": 8192, "num_classes": 100_000, "image_channels": 16, "mapping_depth": 64}

MOST_BLOCKS = 11
"""From 4 x 4 to the largest resolution."""


def resolutions(blocks: int) -> list[int]:
    """4, 8, 16, ...: the image size of each block."""
    return [4 << i for i in range(blocks)]


def check_sizes(resolution: int, channels: Sequence[int], **sizes: int) -> None:
    """Refuses sizes that no StyleGAN2 has, before anything is allocated for them.

    Raises:
        ValueError: names the size, its limits and the value given.
    """
    if not isinstance(resolution, int) or resolution not in resolutions(MOST_BLOCKS)[1:]:
        raise ValueError(f"resolution must be a power of two from 8 to {LARGEST['resolution']}, got {resolution}")
    if len(channels) != len(wanted := resolutions(resolution.bit_length() - 2)):
        raise ValueError(f"channels must have one entry for each of {wanted} pixels, got {len(channels)} entries")
    for name, size in [*sizes.items(), *(("channels", width) for width in channels)]:
        least = 0 if name in ("num_classes", "deviations") else 1
        most = LARGEST.get(name, 16384)
        if not isinstance(size, int) or not least <= size <= most:
            raise ValueError(f"{name} must be a whole number from {least} to {most}, got {size}")


def check_positive(**settings: float | None) -> None:
    """Refuses settings that are neither None nor a finite number above 0.

    Raises:
        ValueError: names the setting and the value given.
    """
    for name, value in settings.items():
        if value is not None and not (isinstance(value, (int, float)) and 0 < value < math.inf):
            raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
