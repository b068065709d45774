"""Draws grids of samples, and strips and animations of directions."""

from collections.abc import Sequence
from pathlib import Path

import torch
from einops import rearrange, repeat
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator, Noise
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.editing import generate_edited, latents_of_seeds

STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Sigmas shown in a strip."""
PIXELS = 2**20
"""Pixels generated at once; a single image may have more."""
SMALLEST_TILE = 64
"""Images smaller than this many pixels are shown enlarged."""


def to_bytes(images: Float[Tensor, "*batch channels height width"]) -> UInt8[Tensor, "*batch channels height width"]:
    """Converts images in [-1, 1] to bytes; values outside are clamped."""
    return ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()


def to_picture(image: Float[Tensor, "channels height width"]) -> Image.Image:
    """Converts one image to a picture: gray, RGB or RGBA by its channels; of more than four the first three are shown."""
    pixels = rearrange(to_bytes(image), "c h w -> h w c")
    channels = pixels.shape[-1]
    if channels in (1, 2):
        return Image.fromarray(pixels[:, :, 0].numpy())
    return Image.fromarray(pixels[:, :, : 4 if channels == 4 else 3].contiguous().numpy())


def shrink(
    images: Float[Tensor, "batch channels height width"], largest: int | None
) -> Float[Tensor, "batch channels less_height less_width"]:
    """Averages images over areas until neither side has more than `largest` pixels; None leaves them as they are."""
    longest = max(images.shape[-2:])
    if largest is None or longest <= largest:
        return images
    size = [max(1, side * largest // longest) for side in images.shape[-2:]]
    return F.interpolate(images.clamp(-1, 1), size, mode="area")


def grid(images: Float[Tensor, "count channels height width"], columns: int) -> Image.Image:
    """Tiles images row by row; small ones are enlarged, and an incomplete last row is filled with black."""
    scale = max(1, SMALLEST_TILE // images.shape[-1])
    missing = -len(images) % columns
    images = torch.cat([images, images.new_full((missing, *images.shape[1:]), -1)])
    tiled = rearrange(images, "(r k) c h w -> c (r h) (k w)", k=columns)
    return to_picture(repeat(tiled, "c h w -> c (h a) (w b)", a=scale, b=scale))


def traversal(
    generator: Generator,
    directions: Directions,
    key: int | str,
    seeds: Sequence[int],
    strengths: Sequence[float] = STRENGTHS,
    truncation: float = 1.0,
    noise: Noise = "const",
    label: int | None = None,
    largest: int | None = None,
) -> Float[Tensor, "seeds strengths channels height width"]:
    """Generates the images of some seeds at several strengths of one direction.

    Args:
        strengths: in sigmas.
        largest: pixels of the longer side; larger images are shrunk as soon as they are made.
    """
    z, labels = latents_of_seeds(generator, list(seeds), label)
    columns = [
        shrink(generate_edited(generator, z, directions, {key: s}, labels, truncation, noise), largest) for s in strengths
    ]
    return torch.stack(columns, dim=1).clamp(-1, 1)


def strip(traversed: Float[Tensor, "seeds strengths channels height width"]) -> Image.Image:
    """Tiles a traversal: one row per seed, strengths from left to right."""
    return grid(rearrange(traversed, "r k c h w -> (r k) c h w"), traversed.shape[1])


def save_gif(frames: Float[Tensor, "frames rows channels height width"], path: Path, frame_ms: int = 80) -> None:
    """Writes an endless animation there and back; each frame shows its rows side by side.

    Args:
        frame_ms: duration of a frame, in milliseconds.
    """
    pictures = [grid(frame, len(frame)).convert("RGB") for frame in frames]
    pictures += pictures[-2:0:-1]
    pictures[0].save(path, format="GIF", save_all=True, append_images=pictures[1:], duration=frame_ms, loop=0)


def animation(
    generator: Generator,
    directions: Directions,
    seed: int,
    keys: Sequence[int | str],
    steps: int = 12,
    truncation: float = 1.0,
    noise: Noise = "const",
    label: int | None = None,
) -> Float[Tensor, "frames directions channels height width"]:
    """Generates the frames in which several directions each move one seed from -3 to 3 sigmas.

    Args:
        steps: frames from 0 to 3 sigmas.
    """
    strengths = torch.linspace(-3, 3, 2 * steps + 1).tolist()
    moves = [traversal(generator, directions, key, [seed], strengths, truncation, noise, label)[0] for key in keys]
    return torch.stack(moves, dim=1)


def samples(
    generator: Generator,
    seeds: Sequence[int],
    truncation: float = 1.0,
    noise: Noise = "const",
    largest: int | None = None,
) -> Float[Tensor, "seeds channels height width"]:
    """Generates the unedited images of some seeds, a few at a time.

    Args:
        largest: as in `traversal`.
    """
    at_once = max(1, PIXELS // generator.resolution**2)
    made = []
    for first in range(0, len(seeds), at_once):
        z, labels = latents_of_seeds(generator, list(seeds[first : first + at_once]))
        made.append(shrink(generate_edited(generator, z, labels=labels, truncation=truncation, noise=noise), largest))
    return torch.cat(made)
