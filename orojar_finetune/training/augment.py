"""Differentiable augmentation of real and generated images alike (Zhao et al., DiffAugment, NeurIPS 2020).

Colour, translation and cutout, each differently for every image; the discriminator sees nothing else, so that it cannot learn
a small data set by heart, and the generator gets gradients through it.
"""

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

NUMBERS = 7
"""Uniform numbers that the augmentation of one image takes."""
SHIFT = 1 / 8
"""The farthest translation, in widths."""
HOLE = 1 / 2
"""Width of the square that is cut out, in widths."""


def augment(
    images: Float[Tensor, "batch channels height width"], numbers: Float[Tensor, "batch numbers"]
) -> Float[Tensor, "batch channels height width"]:
    """Images with colours, place and a hole that the numbers choose.

    Args:
        numbers: uniform in [0, 1), `NUMBERS` an image.
    """
    brightness, saturation, contrast, right, down, hole_x, hole_y = numbers.to(images)[:, :, None, None, None].unbind(dim=1)
    images = images + (brightness - 0.5)
    gray = reduce(images, "b c h w -> b 1 h w", "mean")
    images = gray + (images - gray) * (2 * saturation)
    middle = reduce(images, "b c h w -> b 1 1 1", "mean")
    images = middle + (images - middle) * (contrast + 0.5)
    return _cut_out(_translate(images, right, down), hole_x, hole_y)


def _translate(images: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Moved by whole pixels, black flowing in."""
    size = images.shape[-1]
    most = round(size * SHIFT)
    padded = F.pad(images, (most, most, most, most))
    rows, columns = (_window(offset, 2 * most, size) for offset in (down, right))
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _window(fraction: Tensor, most: int, size: int) -> Tensor:
    start = (fraction.flatten() * (most + 1)).long().clamp_max(most)
    return start[:, None] + torch.arange(size, device=fraction.device)


def _cut_out(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    size = images.shape[-1]
    axis = torch.arange(size, device=images.device, dtype=images.dtype) + 0.5
    half = size * HOLE / 2
    across, along = ((axis - fraction.flatten()[:, None] * size).abs() < half for fraction in (x, y))
    hole = along[:, None, :, None] & across[:, None, None, :]
    return images.masked_fill(hole, 0.0)
