"""The sizes that generators can have, checked before anything is allocated for them."""

from collections.abc import Sequence
from typing import Any

LARGEST_IMAGE = 4096
LARGEST_WIDTH = 16384
MOST_CLASSES = 100_000
MOST_CHANNELS = 16


def check_size(name: str, size: Any, least: int = 1, most: int = LARGEST_WIDTH) -> None:
    """Refuses what is no whole number in a range.

    Raises:
        ValueError: names the size, its range and the value given.
    """
    if not isinstance(size, int) or isinstance(size, bool) or not least <= size <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, got {repr(size)[:40]}")


def check_sizes_of(name: str, sizes: Any, least: int, most: int) -> None:
    """Refuses what is no list of so many widths.

    Raises:
        ValueError: names the list, what is allowed and what was given.
    """
    if not isinstance(sizes, Sequence) or not least <= len(sizes) <= most:
        found = f"{len(sizes)} of them" if isinstance(sizes, Sequence) else f"a {type(sizes).__name__}"
        raise ValueError(f"{name} must be {least} to {most} widths, got {found}")
    for size in sizes:
        check_size(name, size)
