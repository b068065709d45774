"""What a tuning gives, and how it is written down."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orojar_adapters import Adapter, Discriminator, Generator
from orojar_finetune.config import FinetuneConfig
from orojar_finetune.latents.directions import Directions
from orojar_finetune.sharing.model_folder import write_model_folder
from orojar_finetune.training.validation import Figures


@dataclass(frozen=True)
class Finetuned:
    """What a tuning gives.

    Attributes:
        generator: the averaged weights of the best validation, adapters folded in.
        directions: those that were made independent, measured on the tuned generator.
        discriminator: for whoever goes on.
        start: figures before.
        end: figures of `generator`.
        ended: `done`, `interrupted`, or why the run stopped early.
        steps: of the generator that were done.
        kept_step: of those the last one that is in `generator`.
        discriminator_steps: that a new discriminator learned alone before them.
        config: how, with everything said that the weights of the generator decide.
        data: what played the real images, as it was asked for.
        features: that the Fréchet distances are between.
        adapter: with `trainable="lora"` what was learned, to be saved instead of the whole generator.
    """

    generator: Generator
    directions: Directions
    discriminator: Discriminator
    start: Figures
    end: Figures
    ended: str
    steps: int
    kept_step: int
    discriminator_steps: int
    config: FinetuneConfig
    data: str
    features: str
    adapter: Adapter | None = None

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured, as plain data: the part `finetune` of a model folder's metrics.json."""
        return {
            "start": dataclasses.asdict(self.start),
            "end": dataclasses.asdict(self.end),
            "ended": self.ended,
            "steps": self.steps,
            "kept_step": self.kept_step,
            "discriminator_steps": self.discriminator_steps,
            "penalty_weight": self.config.penalty.weight,
            "penalty_form": self.config.penalty.form,
            "data": self.data,
            "features": self.features,
        }

    def save(self, folder: str | os.PathLike, metrics: Mapping[str, Any] | None = None) -> None:
        """Writes a model folder: weights or adapter, directions, discriminator, how it was made and what it gave.

        Args:
            metrics: in the place of those of this tuning, where more was measured.

        Raises:
            ValueError: as `write_model_folder`.
        """
        write_model_folder(
            folder,
            self.generator,
            {self.directions.method: self.directions},
            {"finetune": dataclasses.asdict(self.config), "data": self.data},
            self.discriminator,
            {"finetune": metrics or self.metrics},
            self.adapter,
        )
