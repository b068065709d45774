"""Synthetic images with known factors, a network that reads the factors, and the bundled generator of such images."""

import json
from pathlib import Path

from orojar_finetune.config import GanConfig

BUNDLED = Path(__file__).parent / "generator"
"""A model folder with half-precision weights; `load_generator` reads it like any other."""


def bundled_gan_config() -> GanConfig:
    """Returns the GAN loss with which the training of the bundled generator ended, at the default learning rate."""
    recipe = json.loads((BUNDLED / "training_config.json").read_text(encoding="utf-8"))["config"]["train"]["gan"]
    return GanConfig(**{name: recipe[name] for name in ("r1_gamma", "style_mixing", "noise", "instance_noise")})
