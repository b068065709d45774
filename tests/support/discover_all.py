"""Directions of one small generator by several methods, after a tuning: a script for `accelerate launch`, and a function."""

import sys

from orojar_finetune import Directions, discover, finetune
from orojar_finetune.config import FidelityConfig, FinetuneConfig, PenaltyConfig, RunConfig, SearchConfig
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training.reestimation import BY_DESCENT
from quick import quick_config
from tiny import tiny_discriminator, tiny_stylegan2

TUNING = FinetuneConfig(
    discover=SearchConfig(count=2),
    penalty=PenaltyConfig(batch_size=2),
    fidelity=FidelityConfig(images=64, latents=2, features="random", max_drift=99.0),
    run=RunConfig(max_train_steps=1, train_batch_size=4),
)


def discover_all(methods: list[str]) -> dict[str, Directions]:
    """By method; an uneven number of latents and of batches of samples, so that the processes' shares differ."""
    sizes = {"latents": 7, "samples": 3000, "steps": 10}
    configs = {name: quick_config(name, 3, sizes | {"latents": 8 if name in BY_DESCENT else 7}) for name in methods}
    return {name: discover(tiny_stylegan2(num_classes=2), config, progress=False) for name, config in configs.items()}


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    finetune(tiny_stylegan2(), f"{folder}/run", TUNING, discriminator=tiny_discriminator(), progress=False)
    found = discover_all(names)
    if Processes(progress=False).is_main:
        for directions in found.values():
            directions.save(folder)
