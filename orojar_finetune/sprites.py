"""White squares, ellipses and hearts on black, one for every combination of five known factors: dSprites, from its definition.

dSprites (Matthey, Higgins, Hassabis and Lerchner, 2017) is 3 shapes, 6 scales, 40 orientations and 32 x 32 positions, in that
order: 737,280 binary pictures. Here a picture is drawn from its number when it is wanted, so that nothing is stored, at any
resolution. The outlines are ours, and the orientations divide the circle, where the original's last one is a full turn again.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

FACTORS = ("shape", "scale", "orientation", "x", "y")
CLASSES = (3, 6, 40, 32, 32)
"""How many values each factor takes."""
COUNT = math.prod(CLASSES)
SHAPES = ("square", "ellipse", "heart")
SYMMETRIES = (4, 2, 1)
"""After which part of a turn each shape is itself again."""
SCALES = (0.5, 1.0)

RADIUS = 0.22
"""From the centre to the farthest point of every shape at scale 1, in widths of the picture."""
REACH = 0.25
"""How far the centre goes from the middle of the picture: by about one pixel a step at 64 x 64, as in the original."""
SLIMNESS = 0.65
"""Of the ellipse: the short axis over the long one. Its area is then that of the square."""
HEART = (0.2935, 1.2906)
"""Height of the centroid of (x² + y² - 1)³ <= x² y³, about which it turns, and the distance of its tip from there."""


def classes_of(indices: Int[Tensor, " batch"]) -> Int[Tensor, "batch factors"]:
    """The classes of pictures by their numbers, in the order of `FACTORS`; the last factor changes from number to number.

    Args:
        indices: from 0 to 737,279.

    Raises:
        ValueError: a number that no picture has.
    """
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < COUNT:
        raise ValueError(f"sprites are numbered 0..{COUNT - 1}, got numbers {int(indices.min())} to {int(indices.max())}")
    return torch.stack(torch.unravel_index(indices, CLASSES), dim=1)


def indices_of(classes: Int[Tensor, "batch factors"]) -> Int[Tensor, " batch"]:
    """The numbers of pictures by their classes, the inverse of `classes_of`.

    Raises:
        ValueError: a class that a factor does not have.
    """
    _check(classes)
    indices = torch.zeros_like(classes[:, 0])
    for i, count in enumerate(CLASSES):
        indices = indices * count + classes[:, i]
    return indices


def values_of(classes: Int[Tensor, "batch factors"]) -> Float[Tensor, "batch factors"]:
    """The factors as dSprites gives them.

    Shape 1, 2 or 3; scale from 0.5 to 1; orientation in radians, from 0 to less than 2π; x from 0 (left) to 1, y from 0 (top)
    to 1.

    Raises:
        ValueError: a class that a factor does not have.
    """
    _check(classes)
    shape, scale, orientation, x, y = classes.float().unbind(dim=1)
    low, high = SCALES
    scale = low + (high - low) * scale / (CLASSES[1] - 1)
    orientation = orientation * (2 * math.pi / CLASSES[2])
    return torch.stack([shape + 1, scale, orientation, x / (CLASSES[3] - 1), y / (CLASSES[4] - 1)], dim=1)


def sample(count: int, rng: torch.Generator) -> Int[Tensor, "count factors"]:
    """Classes of pictures, each of the 737,280 with equal chance, on the device of the randomness."""
    return classes_of(torch.randint(COUNT, (count,), generator=rng, device=rng.device))


def render(classes: Int[Tensor, "batch factors"], resolution: int = 64) -> Float[Tensor, "batch 1 height width"]:
    """Pictures of these classes: every pixel is 1 where its centre lies in the shape, and -1 elsewhere.

    A shape is drawn exactly alike after each part of a turn that it is symmetric under. Under 64 pixels some neighbouring
    positions give one picture, and from 32 pixels on nothing touches the border.

    Args:
        classes: on the device on which to draw.
        resolution: height and width in pixels, at least 1.

    Raises:
        ValueError: a class that a factor does not have, or no pixels.
    """
    if resolution < 1:
        raise ValueError(f"resolution must be at least 1 pixel, got {resolution}")
    values = values_of(classes)[:, :, None, None]
    periods = CLASSES[2] // torch.tensor(SYMMETRIES, device=classes.device)
    angle = ((classes[:, 2] % periods[classes[:, 0]]) * (2 * math.pi / CLASSES[2]))[:, None, None]
    axis = (torch.arange(resolution, device=classes.device) + 0.5) / resolution - 0.5
    dx = axis[None, None, :] - (2 * values[:, 3] - 1) * REACH
    dy = axis[None, :, None] - (2 * values[:, 4] - 1) * REACH
    size = values[:, 1] * RADIUS
    along, up = (dx * angle.cos() + dy * angle.sin()) / size, (dx * angle.sin() - dy * angle.cos()) / size
    inside = torch.stack([_square(along, up), _ellipse(along, up), _heart(along, up)], dim=1)
    chosen = inside[torch.arange(len(classes), device=classes.device), classes[:, 0]]
    return chosen[:, None].float() * 2 - 1


def _square(x: Tensor, y: Tensor) -> Bool[Tensor, "batch height width"]:
    return torch.maximum(x.abs(), y.abs()) < 0.5**0.5


def _ellipse(x: Tensor, y: Tensor) -> Bool[Tensor, "batch height width"]:
    return x**2 + (y / SLIMNESS) ** 2 < 1


def _heart(x: Tensor, y: Tensor) -> Bool[Tensor, "batch height width"]:
    centroid, tip = HEART
    x, y = x * tip, y * tip + centroid
    return (x**2 + y**2 - 1) ** 3 < x**2 * y**3


def _check(classes: Tensor) -> None:
    counts = torch.tensor(CLASSES, device=classes.device)
    if classes.shape[1] != len(FACTORS) or ((classes < 0) | (classes >= counts)).any():
        raise ValueError(f"classes of {', '.join(FACTORS)} lie under {CLASSES}, got {classes[:4].tolist()}")
