"""Pictures with known factors: one coloured figure on a coloured ground, drawn in torch, a batch at once.

Every factor lies in [0, 1] and is drawn uniformly and independently of the others, so that what a latent direction does can
be compared with what there was to do.
"""

import math

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

FACTORS = ("background hue", "object hue", "x", "y", "size", "rotation", "shape")

HUES = 0.8
"""Part of the hue circle that is used, from red to violet: without the way back a hue is a line, not a circle."""
GROUND = {"saturation": 0.65, "value": 0.45}
FIGURE = {"saturation": 0.8, "value": 1.0}
REACH = 0.14
"""How far the centre goes from the middle of the picture, in widths of the picture."""
RADII = (0.17, 0.3)
"""Half the length of the figure, in widths of the picture."""
TURN = math.pi / 4
"""The figure turns by up to this, both ways."""
HEIGHT = 1.25
"""Height of the figure, in half lengths."""
EXPONENTS = (1.3, 6.0)
"""Of the outline's upper part: nearly a triangle at the start of the range, a dome in its middle, nearly a box at its end."""
ROUNDING = 0.12
"""How round the lower corners are, in half lengths."""
EDGE = 1.5 / 64
"""From figure to ground, in widths of the picture: a little soft, as small generators draw."""
OVERSAMPLING = 2


def sample_factors(count: int, rng: torch.Generator) -> Float[Tensor, "count factors"]:
    """Factors of scenes, in the order of `FACTORS`."""
    return torch.rand(count, len(FACTORS), generator=rng, device=rng.device)


def render(factors: Float[Tensor, "batch factors"], resolution: int) -> Float[Tensor, "batch 3 height width"]:
    """Scenes as images in [-1, 1], anti-aliased.

    Args:
        factors: in [0, 1], one row a scene, in the order of `FACTORS`.
        resolution: height and width in pixels.
    """
    background, colour, x, y, size, rotation, shape = factors[:, :, None, None].unbind(dim=1)
    pixels = resolution * OVERSAMPLING
    axis = (torch.arange(pixels, device=factors.device, dtype=factors.dtype) + 0.5) / pixels - 0.5
    dx = axis[None, None, :] - (2 * x - 1) * REACH
    dy = axis[None, :, None] - (2 * y - 1) * REACH
    angle, radius = (2 * rotation - 1) * TURN, RADII[0] + (RADII[1] - RADII[0]) * size
    along = (dx * angle.cos() + dy * angle.sin()) / radius
    up = (dx * angle.sin() - dy * angle.cos()) / radius + HEIGHT / 2
    exponent = EXPONENTS[0] * (EXPONENTS[1] / EXPONENTS[0]) ** shape
    # above the base line, and within the unit ball of the p-norm (a superellipse), whose norm stands in for a distance
    norm = (along.abs() ** exponent + (up.clamp_min(0) / HEIGHT) ** exponent) ** (1 / exponent)
    inside = -ROUNDING * torch.logaddexp((norm - 1) / ROUNDING, -up / ROUNDING) * radius  # a smooth minimum
    mask = reduce((inside / EDGE + 0.5).clamp(0, 1), "b (h i) (w j) -> b 1 h w", "mean", i=OVERSAMPLING, j=OVERSAMPLING)
    ground = hsv_to_rgb(background * HUES, **GROUND)
    figure = hsv_to_rgb(colour * HUES, **FIGURE)
    return torch.lerp(ground, figure, mask) * 2 - 1


def hsv_to_rgb(hue: Float[Tensor, "batch 1 1"], saturation: float, value: float) -> Float[Tensor, "batch 3 1 1"]:
    """Colours in [0, 1] of hues in [0, 1] (Smith, SIGGRAPH 1978, in the closed form without cases)."""
    offsets = hue.new_tensor([5.0, 3.0, 1.0])
    k = (offsets[:, None, None] + rearrange(hue, "b h w -> b 1 h w") * 6) % 6
    return value * (1 - saturation * torch.minimum(k, 4 - k).clamp(0, 1))
