"""Directions found anew while the weights move, each in the place of the one before that it is most like."""

import dataclasses

import torch

from orojar_adapters import Generator
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery import discover
from orojar_finetune.discovery.discovering import METHODS
from orojar_finetune.latents.directions import Directions

EVERY = 500
"""Steps between one search and the next, where nothing else is asked for."""
KIND = ("part", "whiten", "activations")
"""Options that decide what kind of directions a search finds."""
BY_DESCENT = ("orojar", "hessian", "latentclr")
"""Methods whose search takes as long as those steps."""


def rhythm(wanted: int | None, method: str) -> int:
    """Steps from one search to the next for directions of this method; 0 keeps them.

    Args:
        wanted: steps, or None for what suits the method.
    """
    if method not in METHODS:
        return 0
    return wanted if wanted is not None else 0 if method in BY_DESCENT else EVERY


def found_anew(directions: Directions, generator: Generator, config: DiscoverConfig) -> Directions:
    """As many directions of a generator, by the method and in the space and layers of those before, under their names.

    Args:
        config: all else of how directions are found.

    Raises:
        ValueError: directions of a method that is none of `discover`'s.
    """
    return following(directions, discover(generator, like(directions, config), progress=False))


def like(directions: Directions, config: DiscoverConfig) -> DiscoverConfig:
    """The config with the method, space, layers and number of directions of a set, and with the `KIND` it was found with."""
    where = {"space": directions.space, "layers": directions.layers[0], "layer_groups": directions.groups}
    made = directions.provenance.get("config", {})
    kind = {name: made[name] for name in KIND if name in made}
    if "activations" in kind:
        kind["activations"] = tuple(kind["activations"])  # a list where it comes from a file
    return dataclasses.replace(config, method=directions.method, count=len(directions), **where, **kind)


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
