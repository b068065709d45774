"""The sizes that a StyleGAN2 can have."""

from collections.abc import Sequence

LARGEST = {"resolution": 4096, "channels": 8192, "num_classes": 100_000, "image_channels": 16, "mapping_depth": 64}


def resolutions(blocks: int) -> list[int]:
    """4, 8, 16, ...: the image size of each block."""
    return [4 << i for i in range(blocks)]


def check_sizes(resolution: int, channels: Sequence[int], **sizes: int) -> None:
    """Refuses sizes that no StyleGAN2 has, before anything is allocated for them.

    Raises:
        ValueError: names the size, its limits and the value given.
    """
    if resolution not in resolutions(11)[1:]:
        raise ValueError(f"resolution must be a power of two from 8 to {LARGEST['resolution']}, got {resolution}")
    if len(channels) != len(wanted := resolutions(resolution.bit_length() - 2)):
        raise ValueError(f"channels must have one entry for each of {wanted} pixels, got {list(channels)}")
    for name, size in [*sizes.items(), *(("channels", width) for width in channels)]:
        least = 0 if name == "num_classes" else 1
        most = LARGEST.get(name, 16384)
        if not isinstance(size, int) or not least <= size <= most:
            raise ValueError(f"{name} must be a whole number from {least} to {most}, got {size}")
