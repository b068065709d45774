"""One run of the paper's experiment, from its first step or its last checkpoint to its figures."""

import time
from pathlib import Path
from typing import Any

import torch

from orojar_finetune.images.render import strip, traversal
from orojar_finetune.measures.coordinates import latent_axes
from paper_measures import measured
from paper_presets import Preset
from paper_reader_training import the_reader
from paper_training import Training
from results import device, once

EVERY = 100
"""Steps between checkpoints."""
SHOWN, ROWS = (-2.0, -1.0, 0.0, 1.0, 2.0), [0, 1, 2]
"""Sigmas in the pictures of traversals, and the seeds of their rows."""
KEYS = (
    "orthogonality",
    "orthogonality of active ones",
    "orthogonality of penalised layers",
    "activity",
    "disentanglement",
    "completeness",
    "frechet",
)
Figures = dict[str, Any]


def run(preset: Preset, name: str, weight: float, seed: int, runs: Path) -> None:
    """One training and its measurement, unless they have been done."""
    folder = runs / f"{name.replace(' ', '-')}-{weight:g}-seed-{seed}-steps-{preset.steps}"
    folder.mkdir(parents=True, exist_ok=True)
    where = "cuda" if torch.cuda.is_available() else "cpu"
    reader = the_reader(preset, runs, where)

    def measure() -> Figures:
        training = trained(preset, name, weight, seed, folder, where)
        generator = training.generator.eval().requires_grad_(False)
        for i in range(generator.latent_size):
            strip(traversal(generator, latent_axes(generator), i, ROWS, SHOWN)).save(folder / f"coordinate-{i}.png")
        facts = {"design": name, "weight": weight, "seed": seed, "steps": training.step}
        rate = training.step * preset.batch / training.seconds
        began = time.perf_counter()
        figures = measured(generator, reader, preset)
        minutes = {"training": training.seconds / 60, "measuring": (time.perf_counter() - began) / 60}
        return {**facts, "images_per_second": rate, "minutes": minutes, "device": device(), **figures}

    record = once(folder / "measured.json", measure)
    print(f"{name:18} {weight:g} seed {seed}: " + ", ".join(f"{key} {record[key]:.4f}" for key in KEYS), flush=True)


def trained(preset: Preset, name: str, weight: float, seed: int, folder: Path, where: str) -> Training:
    """A training at its end, from its last checkpoint on."""
    training, path = Training(preset, name, weight, seed, where), folder / "checkpoint.safetensors"
    if path.is_file():
        training.load(path)
    while training.step < preset.steps:
        losses = training.advance()
        if training.step % EVERY == 0 or training.step == preset.steps:
            training.save(path)
            said = ", ".join(f"{key} {value.item():.3g}" for key, value in losses.items())
            print(f"{folder.name}, step {training.step}, {training.seconds:.0f} s: {said}", flush=True)
    return training
