"""The result of a fine-tune, and how it is written."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orojar_adapters import Adapter, Discriminator, Generator
from orojar_finetune.config import FinetuneConfig
from orojar_finetune.latents.directions import Directions
from orojar_finetune.sharing import Previews
from orojar_finetune.sharing.model_folder import write_model_folder
from orojar_finetune.training.validation import Figures


@dataclass(frozen=True, kw_only=True)
class Finetuned:
    """The result of a fine-tune.

    Attributes:
        generator: the averaged weights that are kept, with an adapter folded in.
        directions: those that became independent, measured on this generator.
        discriminator: to continue from.
        adapter: with `trainable="lora"` what was trained, saved instead of the whole generator.
        start: figures before.
        end: figures of `generator`.
        ended: `done`, `interrupted`, or why the run stopped early.
        steps: of the generator.
        kept_step: the step whose weights `generator` has.
        discriminator_steps: steps before them in which a new discriminator trained alone.
        config: with everything filled in.
        data: the real images, as asked for.
        features: of the Fréchet distances.
    """

    generator: Generator
    directions: Directions
    discriminator: Discriminator
    adapter: Adapter | None = None
    start: Figures
    end: Figures
    ended: str
    steps: int
    kept_step: int
    discriminator_steps: int
    config: FinetuneConfig
    data: str
    features: str

    @property
    def metrics(self) -> dict[str, Any]:
        """The measurements as plain data: the entry `finetune` of metrics.json."""
        return {
            "start": self.start.described(),
            "end": self.end.described(),
            "ended": self.ended,
            "steps": self.steps,
            "kept_step": self.kept_step,
            "discriminator_steps": self.discriminator_steps,
            "penalty_weight": self.config.penalty.weight,
            "penalty_form": self.config.penalty.form,
            "data": self.data,
            "features": self.features,
        }

    def save(self, folder: str | os.PathLike, metrics: Mapping[str, Any] | None = None, previews: Previews = "small") -> None:
        """Writes a model folder: weights or adapter, directions, discriminator, config and metrics.

        Args:
            metrics: replace those of this fine-tune, where more was measured.
            previews: which pictures are rendered.

        Raises:
            ValueError: as in `write_model_folder`.
        """
        write_model_folder(
            folder,
            self.generator,
            {self.directions.method: self.directions},
            {"finetune": dataclasses.asdict(self.config), "data": self.data},
            self.discriminator,
            {"finetune": metrics or self.metrics},
            self.adapter,
            previews,
        )
