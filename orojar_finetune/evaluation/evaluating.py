"""The one way in: a generator and its directions to all that was measured of them."""

import dataclasses

from orojar_adapters import Generator
from orojar_finetune.config import DataConfig, EvaluateConfig
from orojar_finetune.evaluation.measuring import measure
from orojar_finetune.evaluation.subject import Subject
from orojar_finetune.images.opening import open_real_images
from orojar_finetune.images.real_images import RealImages
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.findings import Findings


def evaluate(
    generator: Generator,
    directions: Directions | None = None,
    config: EvaluateConfig | None = None,
    *,
    data: str = "none",
    name: str = "",
    **options,
) -> Findings:
    """Everything that one set of measures says of a generator and a direction set.

    Args:
        generator: its weights stay as they are, and it is measured in inference mode.
        directions: None measures the images alone.
        config: what is measured, on how much; None means the defaults.
        data: real images to compare with: none, scenes (with their true factors), a folder, a zip file, or user/dataset.
        name: what the column is called; by default the directions' method.
        options: fields of `EvaluateConfig` that replace those of the config, such as `latents=64`.

    Raises:
        ValueError: an option that does not fit this generator, or real images that cannot be had.
        TypeError: an option that does not exist.
    """
    config = dataclasses.replace(config or EvaluateConfig(), **options)
    reals = reals_for(generator, data, config.seed)
    name = name or (directions.method if directions else generator.family)
    was_training = generator.training
    try:
        return measure(Subject(name, generator.eval(), directions, reals, config))
    finally:
        generator.train(was_training)


def reals_for(generator: Generator, data: str, seed: int) -> RealImages | None:
    """The real images that `data` means; None for `none`.

    Raises:
        ValueError: there are no such images, or they do not fit the generator.
    """
    return None if data == "none" else open_real_images(data, generator, seed, generator.device, DataConfig())
