"""Directions of one small generator by several methods, as a script for `accelerate launch` and as a function."""

import sys

from orojar_finetune import DescentConfig, Directions, DiscoverConfig, discover
from orojar_finetune.training.processes import Processes
from tiny import tiny_stylegan2

CONFIG = DiscoverConfig(count=3, latents=7, held_out=5, samples=3000, descent=DescentConfig(steps=10, batch_size=8))
"""An uneven number of latents and of batches of samples, so that the processes' shares differ."""


def discover_all(methods: list[str]) -> dict[str, Directions]:
    """By method."""
    return {name: discover(tiny_stylegan2(num_classes=2), CONFIG, method=name, progress=False) for name in methods}


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    found = discover_all(names)
    if Processes(progress=False).is_main:
        for directions in found.values():
            directions.save(folder)
