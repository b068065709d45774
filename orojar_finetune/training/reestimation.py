"""Searches for directions again while weights train; each replaces the one it is most similar to."""

import dataclasses

import torch

from orojar_adapters import Generator
from orojar_finetune.config import METHOD_OPTIONS, DescentOptions, DiscoverConfig
from orojar_finetune.discovery import discover
from orojar_finetune.discovery.discovering import METHODS
from orojar_finetune.latents.directions import Directions

EVERY = 500
"""Steps between two searches by default."""
BY_DESCENT = tuple(name for name, options in METHOD_OPTIONS.items() if issubclass(options, DescentOptions))
"""Methods whose search takes as long as that many training steps."""


def search_interval(every: int | None, method: str) -> int:
    """Returns the steps between two searches for directions of a method; 0 never searches again.

    Args:
        every: steps, or None for the default of the method.
    """
    if method not in METHODS:
        return 0
    return every if every is not None else 0 if method in BY_DESCENT else EVERY


def search_again(directions: Directions, generator: Generator, config: DiscoverConfig) -> Directions:
    """Returns new directions of a generator: same method, space, layers, number and names.

    Args:
        config: the other options of the search.

    Raises:
        ValueError: directions by a method that `discover` does not have.
    """
    return matched(directions, discover(generator, same_search(directions, config), progress=False))


def same_search(directions: Directions, config: DiscoverConfig) -> DiscoverConfig:
    """Returns the config with the method, space, layers and count of a direction set, and the options it was found with."""
    made = directions.provenance.get("config", {})
    same = {name: made[name] for name in ("part", "method_options") if name in made}
    where = {"space": directions.space, "layers": directions.layers[0]}
    if directions.method != config.method:
        same = {"method_options": {}, **same}
    return dataclasses.replace(config, method=directions.method, count=len(directions), **where, **same)


def matched(before: Directions, found: Directions) -> Directions:
    """Returns the new directions in the order and with the signs and names of the old ones.

    The most similar pair, by absolute cosine, is matched first, then the most similar of the rest, and so on.
    """
    cosines = before.basis.cpu() @ found.basis.cpu().T
    left, order, signs = cosines.abs(), [0] * len(before), torch.ones(len(before))
    for _ in range(len(before)):
        row, column = divmod(int(left.argmax()), left.shape[1])
        order[row], signs[row] = column, 1.0 if cosines[row, column] >= 0 else -1.0
        left[row], left[:, column] = -1.0, -1.0
    taken = found.take(order)
    return dataclasses.replace(taken, basis=taken.basis * signs[:, None].to(taken.basis), names=before.names)
