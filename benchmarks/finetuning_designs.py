"""The fine-tunes of the README's table: what each row changes in the defaults of `finetune`."""

import dataclasses
from typing import Literal

from orojar_finetune import FinetuneConfig
from orojar_finetune.config import RATE, PenaltyConfig
from orojar_finetune.scenes import bundled_gan_config
from orojar_finetune.scenes.rendering import FACTORS


@dataclasses.dataclass(frozen=True)
class Design:
    """Which weights train, how fast, and how strongly they are penalized.

    Attributes:
        trainable: as in `FinetuneConfig`.
        learning_rate: of the generator; the discriminator always has the usual one.
        weight: of the penalty; 0 is a control run.
        annealed: fraction of the run, at its end, in which the weight is a thirtieth of that.
    """

    trainable: Literal["affine", "all"]
    learning_rate: float
    weight: float = PenaltyConfig.weight
    annealed: float = 0.0


AFFINE_RATE = 3e-3
DESIGNS = {
    "control": Design("affine", AFFINE_RATE, weight=0.0),
    "default": Design("affine", AFFINE_RATE, annealed=2 / 3),
    "one weight to the end": Design("affine", AFFINE_RATE),
    "control, all weights": Design("all", RATE, weight=0.0),
    "all weights": Design("all", RATE),
}


def control_of(name: str) -> str:
    """The design without a penalty in which the same weights train."""
    trainable = DESIGNS[name].trainable
    return next(name for name, design in DESIGNS.items() if design.weight == 0 and design.trainable == trainable)


def configured(name: str, seed: int, steps: int) -> FinetuneConfig:
    """The defaults of `finetune` with a design's options, in the setting that the bundled generator was trained in."""
    design = DESIGNS[name]
    config = FinetuneConfig(trainable=design.trainable)
    return dataclasses.replace(
        config,
        run=dataclasses.replace(
            config.run, seed=seed, max_train_steps=steps, resume_from_checkpoint="latest", validation_steps=1000
        ),
        discover=dataclasses.replace(config.discover, count=len(FACTORS)),
        penalty=dataclasses.replace(config.penalty, weight=design.weight, anneal=design.annealed),
        gan=dataclasses.replace(bundled_gan_config(), learning_rate=design.learning_rate, discriminator_learning_rate=RATE),
        fidelity=dataclasses.replace(config.fidelity, keep="last", max_drift=10.0, images=1024),
    )
