"""How long a training runs, on which images, and what it leaves behind."""

from dataclasses import dataclass
from typing import Literal

from orojar_finetune.config.checks import at_least


@dataclass(frozen=True)
class RunConfig:
    """How long a training runs, in which portions, and what it leaves behind."""

    max_train_steps: int = 3000
    """Steps of both networks."""
    train_batch_size: int = 16
    """Images per step, over all processes and micro-batches together."""
    gradient_accumulation_steps: int = 1
    """Micro-batches that a process's part of the batch is divided into: less memory for the same batch. The discriminator
    compares the images of a micro-batch with each other, so it should hold four or more."""
    seed: int = 0
    """Seed of everything that is drawn."""
    mixed_precision: Literal["no", "fp16", "bf16"] | None = None
    """Of the networks; penalties stay in float32. None takes what `accelerate launch` says."""
    checkpointing_steps: int = 500
    """Steps from one checkpoint-N to the next."""
    checkpoints_total_limit: int | None = 3
    """Checkpoints that are kept, the oldest go first; None keeps all."""
    resume_from_checkpoint: str | None = None
    """`latest`, or the name of a checkpoint-N in the output folder, to go on exactly from there."""
    validation_steps: int = 250
    """Steps from one validation to the next."""
    logging_steps: int = 10
    """Steps from one line in history.jsonl, and in the trackers, to the next."""
    report_to: tuple[str, ...] = ()
    """Trackers: tensorboard, wandb, trackio; each needs its own package."""

    def __post_init__(self) -> None:
        for name in (
            "max_train_steps",
            "train_batch_size",
            "gradient_accumulation_steps",
            "checkpointing_steps",
            "validation_steps",
            "logging_steps",
        ):
            at_least(name, getattr(self, name), 1)
        if self.checkpoints_total_limit is not None:
            at_least("checkpoints_total_limit", self.checkpoints_total_limit, 1)


@dataclass(frozen=True)
class DataConfig:
    """How real images are read from a folder, a zip file or a data set of the Hub."""

    image_column: str | None = None
    """Column of a Hub data set that holds the images; None means the first that does."""
    split: str = "train"
    """Split of a Hub data set."""
    mirror: bool = False
    """Exchange left and right of half of the images, at random. Not for what looks wrong in a mirror, such as writing."""
    workers: int = 4
    """Threads that decode images while the networks train, in every process; 0 decodes when images are asked for."""

    def __post_init__(self) -> None:
        at_least("workers", self.workers, 0)
