"""Directions found anew while the weights move, each in the place of the one before that it is most like."""

import dataclasses

import torch

from orojar_adapters import Generator
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.directions import Directions
from orojar_finetune.discovery import discover


def found_anew(directions: Directions, generator: Generator, config: DiscoverConfig) -> Directions:
    """As many directions of a generator, by the method and in the space and layers of those before, under their names.

    Args:
        config: all else of how directions are found.

    Raises:
        ValueError: directions of a method that is none of `discover`'s.
    """
    same = {"method": directions.method, "space": directions.space, "count": len(directions)}
    moved = {"layers": directions.layers[0], "layer_groups": directions.groups}
    return following(directions, discover(generator, dataclasses.replace(config, **same, **moved), progress=False))


def following(before: Directions, found: Directions) -> Directions:
    """The directions found, in the order, with the signs and under the names of those before.

    The pair that is most alike, by the size of its cosine, is matched first, then the most alike of the rest, and so on.
    """
    cosines = before.basis.cpu() @ found.basis.cpu().T
    left, order, signs = cosines.abs(), [0] * len(before), torch.ones(len(before))
    for _ in range(len(before)):
        row, column = divmod(int(left.argmax()), left.shape[1])
        order[row], signs[row] = column, 1.0 if cosines[row, column] >= 0 else -1.0
        left[row], left[:, column] = -1.0, -1.0
    taken = found.take(order)
    return dataclasses.replace(taken, basis=taken.basis * signs[:, None].to(taken.basis), names=before.names)
