"""Synthetic images with known factors: one colored ring on a colored background, rendered in torch, a batch at once.

Every factor lies in [0, 1] and is drawn uniformly and independently of the others, so that the effect of a latent direction
can be compared with the true factors.
"""

import math

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

FACTORS = ("background hue", "object hue", "x", "y", "size", "rotation", "shape")

HUES = 0.8
"""Fraction of the hue circle that is used, from red to violet, so that hue is a line and not a circle."""
BACKGROUND = {"saturation": 0.65, "value": 0.45}
RING = {"saturation": 0.8, "value": 1.0}
REACH = 0.14
"""Largest offset of the ring from the center of the picture, in widths of the picture."""
RADII = (0.14, 0.24)
"""Mean radius of the outline, in widths of the picture."""
TURN = math.pi / 4
"""Largest rotation of the ring, in both directions."""
LENGTH = 0.2
"""Elongation of the outline: the second harmonic of its radius."""
HOLES = (0.2, 0.6)
"""Size of the hole, which has the shape of the outline, as a fraction of it: from a pierced disc to a thin ring."""
EDGE = 3 / 64
"""Width of the soft edge between ring and background, in widths of the picture: small generators draw soft edges."""
OVERSAMPLING = 2


def sample_factors(count: int, rng: torch.Generator) -> Float[Tensor, "count factors"]:
    """Returns random factors of scenes, in the order of `FACTORS`."""
    return torch.rand(count, len(FACTORS), generator=rng, device=rng.device)


def render(factors: Float[Tensor, "batch factors"], resolution: int) -> Float[Tensor, "batch 3 height width"]:
    """Returns scenes as anti-aliased images in [-1, 1].

    Args:
        factors: in [0, 1], one row per scene, in the order of `FACTORS`.
        resolution: height and width in pixels.
    """
    background, color, x, y, size, rotation, shape = factors[:, :, None, None].unbind(dim=1)
    pixels = resolution * OVERSAMPLING
    axis = (torch.arange(pixels, device=factors.device, dtype=factors.dtype) + 0.5) / pixels - 0.5
    dx = axis[None, None, :] - (2 * x - 1) * REACH
    dy = axis[None, :, None] - (2 * y - 1) * REACH
    angle, radius = (2 * rotation - 1) * TURN, RADII[0] + (RADII[1] - RADII[0]) * size
    along, up = dx * angle.cos() + dy * angle.sin(), dx * angle.sin() - dy * angle.cos()
    distance = torch.hypot(along, up)
    cos = up / distance.clamp_min(1e-6)  # of the angle from the ring's long axis
    outline = radius * (1 + LENGTH * (2 * cos**2 - 1))  # Chebyshev: the cosine of twice the angle
    inside = torch.minimum(outline - distance, distance - outline * (HOLES[0] + (HOLES[1] - HOLES[0]) * shape))
    mask = reduce((inside / EDGE + 0.5).clamp(0, 1), "b (h i) (w j) -> b 1 h w", "mean", i=OVERSAMPLING, j=OVERSAMPLING)
    ground = hsv_to_rgb(background * HUES, **BACKGROUND)
    ring = hsv_to_rgb(color * HUES, **RING)
    return torch.lerp(ground, ring, mask) * 2 - 1


def hsv_to_rgb(hue: Float[Tensor, "batch 1 1"], saturation: float, value: float) -> Float[Tensor, "batch 3 1 1"]:
    """Returns colors in [0, 1] of hues in [0, 1] (Smith, SIGGRAPH 1978, in closed form)."""
    offsets = hue.new_tensor([5.0, 3.0, 1.0])
    k = (offsets[:, None, None] + rearrange(hue, "b h w -> b 1 h w") * 6) % 6
    return value * (1 - saturation * torch.minimum(k, 4 - k).clamp(0, 1))
