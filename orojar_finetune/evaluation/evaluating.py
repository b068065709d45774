"""Runs the measures: from a generator and its directions to all figures."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from orojar_adapters import Generator
from orojar_finetune.config import DataConfig, EvaluateConfig
from orojar_finetune.evaluation import of_directions, of_images
from orojar_finetune.evaluation.subject import Missing, Subject
from orojar_finetune.images.opening import open_real_images
from orojar_finetune.images.real_images import RealImages
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.direction_set import DirectionScores
from orojar_finetune.measures.findings import Findings

Measure = Callable[[Subject], Findings]

MEASURES: dict[str, Measure] = {
    "off-diagonal": of_directions.measure_off_diagonal,
    "activeness": of_directions.measure_activeness,
    "path-length": of_images.measure_path_length,
    "traversal": of_directions.measure_traversal,
    "preservation": of_directions.measure_preservation,
    "fidelity": of_images.measure_fidelity,
    "ground-truth": of_images.measure_ground_truth,
}
"""By the names of `config.MEASURES`."""


def evaluate(
    generator: Generator,
    directions: Directions | None = None,
    config: EvaluateConfig | None = None,
    *,
    data: str = "none",
    data_config: DataConfig | None = None,
    name: str = "",
    scores: DirectionScores | None = None,
    **options: Any,
) -> Findings:
    """Measures a generator and a direction set, and returns all figures.

    Args:
        generator: its weights stay as they are, and it is measured in inference mode.
        directions: None measures the images alone.
        config: what is measured, on how much; None means the defaults.
        data: real images to compare with: none, scenes (with their true factors), a folder, a zip file, or user/dataset.
        data_config: how real images are read; None means the defaults.
        name: of the column; by default the directions' method.
        scores: of the directions on this generator, with this seed and these activations, if they are known.
        options: fields of `EvaluateConfig` that replace those of the config, such as `latents=64`.

    Raises:
        ValueError: an option that does not exist or does not fit this generator, or real images that are not available.
    """
    config = dataclasses.replace(config or EvaluateConfig(), **options)
    real_images = open_for(generator, data, config.seed, data_config)
    name = name or (directions.method if directions else generator.family)
    was_training = generator.training
    try:
        return measure(Subject(name, generator.eval(), directions, real_images, config, scores))
    finally:
        generator.train(was_training)


def open_for(generator: Generator, data: str, seed: int, data_config: DataConfig | None = None) -> RealImages | None:
    """Returns the real images that `data` names; None for `none`.

    Raises:
        ValueError: there are no such images, or they do not fit the generator.
    """
    return None if data == "none" else open_real_images(data, generator, seed, generator.device, data_config or DataConfig())


@torch.no_grad()
def measure(subject: Subject) -> Findings:
    """Runs all measures that the config names; notes the reason for each one that the subject has no data for.

    Raises:
        ValueError: an option that does not fit, such as unavailable features; before anything is measured.
    """
    subject.check()
    names = () if subject.directions is None else subject.directions.names
    findings = Findings(subject.name, names)
    wanted = {name: take for name, take in MEASURES.items() if name in subject.config.measures}
    if subject.config.predictability != "none":
        wanted["predictability"] = of_directions.measure_predictability
    for name, take in wanted.items():
        try:
            findings.add(take(subject))
        except Missing as e:
            findings.notes.append(f"{name} was left out: {e}")
    return findings
