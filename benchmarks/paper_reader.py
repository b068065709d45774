"""What a sprite shows, read off its pixels by a small network: the true factors of sprites that were generated, not drawn.

A shape is read as three probabilities. An orientation means nothing apart from its shape, since a square is itself again after
a quarter of a turn and an ellipse after half a turn. So it is read three times over, as a point on a circle that goes round
once while the shape comes back to itself, and each reading is learned from sprites of its own shape alone. What the network is
not sure of it draws towards the middle of the circle.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_finetune.sprites import CLASSES, FACTORS, SYMMETRIES

WIDTHS = (16, 32, 48, 64)
EMBEDDING = 96


class Reading(NamedTuple):
    """The factors of some pictures; scale, x and y run from 0 to 1 over the values of sprites."""

    shapes: Float[Tensor, "batch 3"]
    plain: Float[Tensor, "batch 3"]
    turns: Float[Tensor, "batch 3 2"]

    def rows(self, rows: Tensor) -> "Reading":
        """Some of them, in the order asked for."""
        return Reading(*(part[rows] for part in self))


def truth(classes: Int[Tensor, "batch factors"]) -> Reading:
    """What a reader without errors would see."""
    shape, scale, orientation, x, y = classes.unbind(dim=1)
    plain = torch.stack([scale / (CLASSES[1] - 1), x / (CLASSES[3] - 1), y / (CLASSES[4] - 1)], dim=1)
    symmetries = torch.tensor(SYMMETRIES, device=classes.device)
    angles = orientation[:, None] * symmetries * (2 * math.pi / CLASSES[2])
    return Reading(F.one_hot(shape, CLASSES[0]).float(), plain, torch.stack([angles.cos(), angles.sin()], dim=2))


def squared_changes(before: Reading, after: Reading) -> tuple[Float[Tensor, "batch factors"], Float[Tensor, " batch"]]:
    """By how much each of `FACTORS` differs between pictures, squared; and how surely their shape is the same, from 0 to 1.

    Orientations are compared as far as the shape is the same: where it changes, the orientation does not count as changed.
    """
    shape = (before.shapes - after.shapes).square().sum(dim=1)
    scale, x, y = (before.plain - after.plain).square().unbind(dim=1)
    same = torch.minimum(before.shapes, after.shapes)
    orientation = (same * (before.turns - after.turns).square().sum(dim=2)).sum(dim=1)
    return torch.stack([shape, scale, orientation, x, y], dim=1), same.sum(dim=1)


class SpriteReader(nn.Module):
    """Reads the five factors off sprites of one resolution.

    Two maps of coordinates are added to the picture (CoordConv, Liu et al., NeurIPS 2018).

    Attributes:
        squared_errors: for each factor the mean squared error on sprites, in the units of `squared_changes`.

    Args:
        resolution: in pixels, 32 or 64.
    """

    squared_errors: Tensor
    axes: Tensor

    def __init__(self, resolution: int) -> None:
        super().__init__()
        widths = WIDTHS[: int(math.log2(resolution)) - 2]
        befores = (3, *widths)
        self.stages = nn.ModuleList(
            nn.Sequential(*_convolution(before, after, 2), *_convolution(after, after))
            for before, after in zip(befores, widths, strict=False)
        )
        self.embedding = nn.Linear(widths[-1] * 4 * 4, EMBEDDING)
        self.factors = nn.Linear(EMBEDDING, 3 + 3 + 3 * 2)
        axis = torch.linspace(-1, 1, resolution)
        self.register_buffer("axes", torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None], persistent=False)
        self.register_buffer("squared_errors", torch.zeros(len(FACTORS)))

    def forward(self, images: Float[Tensor, "batch 1 height width"]) -> Reading:
        """The factors of pictures in [-1, 1]."""
        logits, plain, turns = self._read(images)
        return Reading(logits.softmax(dim=1), plain, turns)

    def features(self, images: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch features"]:
        """What is in the pictures and how they look, for distances between sets of them.

        What the factors are read from, then mean and standard deviation over the picture of all maps but the last.
        """
        maps = self._maps(images)
        looks = [pooled for seen in maps[:-1] for pooled in (seen.mean(dim=(2, 3)), seen.std(dim=(2, 3), correction=0))]
        return torch.cat([self._embed(maps), *looks], dim=1)

    def loss(self, images: Float[Tensor, "batch 1 height width"], classes: Int[Tensor, "batch factors"]) -> Float[Tensor, ""]:
        """Cross entropy of the shape and squared errors of the rest, in like units."""
        logits, plain, turns = self._read(images)
        true = truth(classes)
        own = turns[torch.arange(len(classes)), classes[:, 0]] - true.turns[torch.arange(len(classes)), classes[:, 0]]
        errors = 12 * (plain - true.plain).square().mean(dim=0).sum() + own.square().sum(dim=1).mean()
        return errors + F.cross_entropy(logits, classes[:, 0])

    def _read(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        read = self.factors(self._embed(self._maps(images)))
        return read[:, :3], read[:, 3:6], read[:, 6:].unflatten(1, (3, 2))

    def _maps(self, images: Tensor) -> list[Tensor]:
        seen = torch.cat([images.clamp(-1, 1), self.axes.expand(len(images), -1, -1, -1)], dim=1)
        maps = [seen.contiguous(memory_format=torch.channels_last)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]

    def _embed(self, maps: list[Tensor]) -> Tensor:
        return F.relu(self.embedding(maps[-1].flatten(1)))


def _convolution(before: int, after: int, stride: int = 1) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
