"""Directions of one small generator by several methods, after a tuning: a script for `accelerate launch`, and a function."""

import sys

from orojar_finetune import DescentConfig, Directions, DiscoverConfig, discover, finetune
from orojar_finetune.config import FidelityConfig, FinetuneConfig, PenaltyConfig, RunConfig, SearchConfig
from orojar_finetune.runtime.processes import Processes
from tiny import tiny_discriminator, tiny_stylegan2

CONFIG = DiscoverConfig(count=3, latents=7, held_out=5, samples=3000, descent=DescentConfig(steps=10, batch_size=8))
"""An uneven number of latents and of batches of samples, so that the processes' shares differ."""

TUNING = FinetuneConfig(
    discover=SearchConfig(count=2),
    penalty=PenaltyConfig(batch_size=2),
    fidelity=FidelityConfig(images=64, latents=2, features="random", max_drift=99.0),
    run=RunConfig(max_train_steps=1, train_batch_size=4),
)


def discover_all(methods: list[str]) -> dict[str, Directions]:
    """By method."""
    return {name: discover(tiny_stylegan2(num_classes=2), CONFIG, method=name, progress=False) for name in methods}


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    finetune(tiny_stylegan2(), f"{folder}/run", TUNING, discriminator=tiny_discriminator(), progress=False)
    found = discover_all(names)
    if Processes(progress=False).is_main:
        for directions in found.values():
            directions.save(folder)
