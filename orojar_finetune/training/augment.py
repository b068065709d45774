"""Differentiable augmentation of real and generated images alike (Zhao et al., DiffAugment, NeurIPS 2020).

Color, translation and cutout, differently for every image. The discriminator sees augmented images only, so that it cannot
memorize a small dataset, and the generator gets gradients through the augmentation.
"""

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

NUMBERS = 7
"""Uniform random numbers per image."""
SHIFT = 1 / 8
"""Largest translation, as a fraction of the width."""
HOLE = 1 / 2
"""Side of the square that is cut out, as a fraction of the width."""


def augment(
    images: Float[Tensor, "batch channels height width"], numbers: Float[Tensor, "batch numbers"]
) -> Float[Tensor, "batch channels height width"]:
    """Returns images whose colors, position and hole depend on the numbers.

    Args:
        numbers: uniform in [0, 1), `NUMBERS` per image.
    """
    brightness, saturation, contrast, right, down, hole_x, hole_y = numbers.to(images)[:, :, None, None, None].unbind(dim=1)
    images = images + (brightness - 0.5)
    gray = reduce(images, "b c h w -> b 1 h w", "mean")
    images = gray + (images - gray) * (2 * saturation)
    middle = reduce(images, "b c h w -> b 1 1 1", "mean")
    images = middle + (images - middle) * (contrast + 0.5)
    return _cut_out(_translate(images, right, down), hole_x, hole_y)


def _translate(images: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Translates by whole pixels and fills with 0."""
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
