"""Preview images of a generator and its directions, for the model card."""

from pathlib import Path
from typing import get_args

import torch

from orojar_adapters import Generator
from orojar_finetune.images import render
from orojar_finetune.latents.directions import Directions
from orojar_finetune.sharing import Previews

FOLDER = "previews"
SAMPLES, ANIMATION = "samples.png", "traversal.gif"
PATTERNS = (SAMPLES, "direction_*.png", ANIMATION)
STRIP_SEEDS = (0, 1, 2)
"""Rows of a strip; the first of them is animated."""
ANIMATED = 4
"""Directions side by side in the animation."""
GRID_COLUMNS = 8
SMALL_GRID, FULL_GRID = range(16), range(32)
SMALL_STRENGTHS = (-3.0, -1.5, 1.5, 3.0)
"""Sigmas shown in a small strip, to both sides of the unedited image."""
SMALL_TILE = 128
"""Pixels of the longer side of an image in small previews."""


def strip_name(direction: int) -> str:
    """Returns the file name of a direction's strip."""
    return f"direction_{direction:02}.png"


def check(previews: str) -> None:
    """Raises an error for a word that is not one of `Previews`.

    Raises:
        ValueError: lists the words.
    """
    if previews not in get_args(Previews):
        raise ValueError(f"previews must be one of {', '.join(get_args(Previews))}, got {previews!r}")


def write(folder: Path, generator: Generator, directions: Directions | None, previews: Previews) -> None:
    """Replaces the previews of a model folder, which may show other weights or directions; keeps all other files.

    Args:
        directions: None writes samples alone.
        previews: `small` costs 16 images and 12 per direction, `full` 32, 21 per direction and up to 100 frames.
    """
    place = folder / FOLDER
    for pattern in PATTERNS:
        for path in place.glob(pattern):
            path.unlink()
    if previews == "none":
        return
    place.mkdir(exist_ok=True)
    (_write_small if previews == "small" else _write_full)(place, generator, directions)


def _write_full(place: Path, generator: Generator, directions: Directions | None) -> None:
    render.grid(render.samples(generator, FULL_GRID), GRID_COLUMNS).save(place / SAMPLES)
    if directions is None:
        return
    for i in range(len(directions)):
        render.strip(render.traversal(generator, directions, i, STRIP_SEEDS)).save(place / strip_name(i))
    animated = range(min(ANIMATED, len(directions)))
    render.save_gif(render.animation(generator, directions, STRIP_SEEDS[0], animated), place / ANIMATION)


def _write_small(place: Path, generator: Generator, directions: Directions | None) -> None:
    """Generates every image once: strips reuse images of the grid, and the animation those of the strips."""
    samples = render.samples(generator, SMALL_GRID, largest=SMALL_TILE).clamp(-1, 1)
    render.grid(samples, GRID_COLUMNS).save(place / SAMPLES)
    if directions is None:
        return
    middle, half = samples[list(STRIP_SEEDS), None], len(SMALL_STRENGTHS) // 2
    frames = []
    for i in range(len(directions)):
        sides = render.traversal(generator, directions, i, STRIP_SEEDS, SMALL_STRENGTHS, largest=SMALL_TILE)
        traversed = torch.cat([sides[:, :half], middle, sides[:, half:]], dim=1)
        render.strip(traversed).save(place / strip_name(i))
        if i < ANIMATED:
            frames.append(traversed[0])
    render.save_gif(torch.stack(frames, dim=1), place / ANIMATION, frame_ms=150)
