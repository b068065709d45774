"""Options of a training run: length, batches, images, checkpoints, and logs."""

from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Count, checked
from orojar_finetune.config.flags import PythonOnly


@checked
class RunConfig:
    """Options of a training run: length, batches, checkpoints, and logs."""

    max_train_steps: Count = 3000
    """Training steps; each updates both networks."""
    train_batch_size: Count = 16
    """Images per process and micro-batch. Use 4 or more: minibatch standard deviation compares the images of a micro-batch."""
    gradient_accumulation_steps: Count = 1
    """Micro-batches per step. Effective batch = train_batch_size * processes * gradient_accumulation_steps."""
    seed: int = 0
    """Random seed of the whole run."""
    mixed_precision: Literal["no", "fp16", "bf16"] | None = None
    """Mixed precision of the networks; penalties always run in float32. If not set: as configured in Accelerate."""
    checkpointing_steps: Count = 500
    """Save a checkpoint every N steps."""
    checkpoints_total_limit: Count | None = 3
    """Maximum number of checkpoints to keep; the oldest are deleted first. None keeps all."""
    resume_from_checkpoint: str | None = None
    """Resume from `latest`, or from a checkpoint in the output folder by name, such as checkpoint-500."""
    validation_steps: Count = 250
    """Measure directions and image quality every N steps."""
    logging_steps: PythonOnly[Count] = 10
    """Log to history.jsonl and the trackers every N steps."""
    report_to: tuple[str, ...] = ()
    """Trackers to log to: tensorboard, wandb, trackio; each needs its package. If not set: history.jsonl only."""

    def effective_batch(self, processes: int) -> int:
        """Returns the number of images per step, over all processes and micro-batches."""
        return self.train_batch_size * processes * self.gradient_accumulation_steps


@checked
class DataConfig:
    """Options of reading real images from a folder, a zip file, or a dataset on the Hub."""

    image_column: str | None = None
    """Image column of a Hub dataset. If not set: the first one."""
    split: str = "train"
    """Split of a Hub dataset."""
    random_flip: bool = False
    """Flip images horizontally at random (p = 0.5)."""
    dataloader_num_workers: Annotated[int, Field(ge=0)] = 4
    """Image decoding threads per process; 0 decodes in the main thread."""
