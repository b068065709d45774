"""Pictures for people: grids of samples, strips and animations of directions."""

from collections.abc import Sequence
from pathlib import Path

import torch
from einops import rearrange, repeat
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from orojar_adapters import Generator, Noise
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.editing import generate_edited, latents_of_seeds

STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Sigmas shown in a strip."""
PIXELS = 2**20
"""Of all images that are made at once, unless one alone has more."""
SMALLEST_TILE = 64
"""Images smaller than this many pixels are shown enlarged."""


def to_bytes(images: Float[Tensor, "*batch channels height width"]) -> UInt8[Tensor, "*batch channels height width"]:
    """Images in [-1, 1] as bytes, what lies outside cut off."""
    return ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()


def to_picture(image: Float[Tensor, "channels height width"]) -> Image.Image:
    """One image as a picture: gray, RGB or RGBA by its channels; more than four show the first three."""
    pixels = rearrange(to_bytes(image), "c h w -> h w c")
    channels = pixels.shape[-1]
    if channels in (1, 2):
        return Image.fromarray(pixels[:, :, 0].numpy())
    return Image.fromarray(pixels[:, :, : 4 if channels == 4 else 3].contiguous().numpy())


def grid(images: Float[Tensor, "count channels height width"], columns: int) -> Image.Image:
    """Images in rows of so many columns, small ones enlarged; a last row that is not full ends in black."""
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
) -> Float[Tensor, "seeds strengths channels height width"]:
    """What one direction does to the pictures of some seeds, at several strengths in sigmas."""
    z, labels = latents_of_seeds(generator, list(seeds), label)
    columns = [generate_edited(generator, z, directions, {key: s}, labels, truncation, noise) for s in strengths]
    return torch.stack(columns, dim=1).clamp(-1, 1)


def strip(traversed: Float[Tensor, "seeds strengths channels height width"]) -> Image.Image:
    """A traversal as a picture: one row a seed, strengths from left to right."""
    return grid(rearrange(traversed, "r k c h w -> (r k) c h w"), traversed.shape[1])


def save_gif(frames: Float[Tensor, "frames rows channels height width"], path: Path, frame_ms: int = 80) -> None:
    """An endless animation there and back; each frame shows its rows side by side.

    Args:
        frame_ms: how long a frame stays, in milliseconds.
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
    """One seed moved from -3 to 3 sigmas, each direction in a picture of its own beside the others."""
    strengths = torch.linspace(-3, 3, 2 * steps + 1).tolist()
    moved = [traversal(generator, directions, key, [seed], strengths, truncation, noise, label)[0] for key in keys]
    return torch.stack(moved, dim=1)


def samples(
    generator: Generator, seeds: Sequence[int], truncation: float = 1.0, noise: Noise = "const"
) -> Float[Tensor, "seeds channels height width"]:
    """The pictures of some seeds, without edits."""
    at_once = max(1, PIXELS // generator.resolution**2)
    found = []
    for first in range(0, len(seeds), at_once):
        z, labels = latents_of_seeds(generator, list(seeds[first : first + at_once]))
        found.append(generate_edited(generator, z, labels=labels, truncation=truncation, noise=noise))
    return torch.cat(found)
