"""How long a run trains, in which batches, on which images, and what it writes."""

from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Count, checked
from orojar_finetune.config.flags import PythonOnly


@checked
class RunConfig:
    """How long a run trains, in which batches, and what it writes."""

    max_train_steps: Count = 3000
    """Training steps of both networks."""
    train_batch_size: Count = 16
    """Images per process and micro-batch. The discriminator compares the images of a micro-batch: use four or more."""
    gradient_accumulation_steps: Count = 1
    """Micro-batches per step. Effective batch: train_batch_size * processes * gradient_accumulation_steps."""
    seed: int = 0
    """Seed of everything random, the search for directions included."""
    mixed_precision: Literal["no", "fp16", "bf16"] | None = None
    """Mixed precision for the networks; penalties always run in float32. If not set: Accelerate's setting."""
    checkpointing_steps: Count = 500
    """Save a checkpoint-N every N steps."""
    checkpoints_total_limit: Count | None = 3
    """Maximum number of checkpoints to keep; the oldest are deleted first. None keeps all."""
    resume_from_checkpoint: str | None = None
    """`latest`, or the name of a checkpoint-N in the output folder: continue exactly from there."""
    validation_steps: Count = 250
    """Run a validation every N steps."""
    logging_steps: PythonOnly[Count] = 10
    """Log to history.jsonl and the trackers every N steps."""
    report_to: tuple[str, ...] = ()
    """Trackers: tensorboard, wandb, trackio (each needs its own package)."""

    def effective_batch(self, processes: int) -> int:
        """Images that one step of each network sees."""
        return self.train_batch_size * processes * self.gradient_accumulation_steps


@checked
class DataConfig:
    """How real images are read from a folder, a zip file or a dataset on the Hub."""

    image_column: str | None = None
    """Column of a Hub dataset that holds the images. If not set: the first such column."""
    split: str = "train"
    """Split of a Hub dataset."""
    random_flip: bool = False
    """Random horizontal flips (p = 0.5)."""
    dataloader_num_workers: Annotated[int, Field(ge=0)] = 4
    """Threads per process that decode images ahead of time; 0 decodes in the main thread."""
