"""Divides work among processes with Accelerate, so that any number of them computes the same result.

Noise maps are the exception (`noise="random"`): they are drawn for the rows of each micro-batch.
"""

import atexit
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from tqdm.auto import tqdm

from orojar_finetune.config import RunConfig
from orojar_finetune.runtime.trackers import Trackers, installed

log = logging.getLogger("orojar")


class Processes:
    """The processes of this run: one, or those of `accelerate launch`."""

    def __init__(
        self,
        progress: bool = True,
        mixed_precision: str | None = None,
        trackers: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self.accelerator = Accelerator(
            mixed_precision=mixed_precision, log_with=list(installed(trackers)) or None, project_dir=folder
        )
        if self.accelerator.num_processes == 1 and _several_were_asked_for():
            log.warning(
                "accelerate launch --cpu starts one process only (more need MPI). To use two on CPUs, type: "
                "ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 -m orojar_finetune ..."
            )
        if self.accelerator.num_processes > 1:
            atexit.unregister(_leave)
            atexit.register(_leave)
        self.trackers = Trackers(self.accelerator)
        self.progress = progress and self.accelerator.is_main_process

    @classmethod
    def of_training(cls, run: RunConfig, folder: Path, progress: bool = True) -> "Processes":
        """Returns the processes of a training, with its own precision, whatever ran before in the same Python process.

        Raises:
            ValueError: a tracker that is not installed.
        """
        AcceleratorState._reset_state()  # Accelerate keeps the first precision of a Python process and refuses another
        return cls(progress, run.mixed_precision, run.report_to, folder)

    @property
    def is_main(self) -> bool:
        """Whether this process writes and prints."""
        return self.accelerator.is_main_process

    @property
    def device(self) -> torch.device:
        """The device of this process."""
        return self.accelerator.device

    @property
    def count(self) -> int:
        """The number of processes."""
        return self.accelerator.num_processes

    def place(self, module: nn.Module) -> None:
        """Moves a module to the device of this process, if there are several processes."""
        if self.accelerator.num_processes > 1:
            module.to(self.accelerator.device)

    def rows(self, total: int) -> slice:
        """Returns this process's rows of a batch that divides evenly.

        Raises:
            ValueError: it does not.
        """
        count, left = divmod(total, self.count)
        if left:
            raise ValueError(f"batch_size must be a multiple of {self.count} processes, got {total}")
        first = count * self.accelerator.process_index
        return slice(first, first + count)

    def portion(self, total: int) -> slice:
        """Returns this process's rows of a batch of any size: shares may differ by one row, and may be empty."""
        i = self.accelerator.process_index
        return slice(total * i // self.count, total * (i + 1) // self.count)

    def stack(self, count: int, compute: Callable[[int], Tensor], description: str) -> Tensor:
        """Returns `compute(0)`, ..., `compute(count - 1)` stacked; each is computed by one process and known to all."""
        mine = range(self.accelerator.process_index, count, self.accelerator.num_processes)
        found = {i: compute(i) for i in self.track(mine, description)}
        if self.accelerator.num_processes == 1:
            return torch.stack([found[i] for i in range(count)])
        example = next(iter(found.values()), None)
        if example is None:
            example = compute(0)
        full = torch.zeros(count, *example.shape, dtype=example.dtype, device=self.accelerator.device)
        for i, value in found.items():
            full[i] = value
        summed = self.accelerator.reduce(full, "sum")
        assert isinstance(summed, Tensor)
        return summed

    def sum(self, count: int, compute: Callable[[int], Tensor], description: str) -> Tensor:
        """Returns `compute(0)` + ... + `compute(count - 1)`, each computed by one process; the sum is known to all.

        For tensors too large to `stack`. Several processes add in another order than one does: use float64.
        """
        mine = range(self.accelerator.process_index, count, self.accelerator.num_processes)
        total: Tensor | None = None
        for i in self.track(mine, description):
            found = compute(i)
            total = found if total is None else total + found
        if total is None:
            total = torch.zeros_like(compute(0))
        if self.accelerator.num_processes == 1:
            return total
        summed = self.accelerator.reduce(total.to(self.accelerator.device), "sum")
        assert isinstance(summed, Tensor)
        return summed

    def gather(self, mine: Tensor) -> Tensor:
        """Returns the `rows` of all processes, for a loss that compares every row with every other.

        Each process computes the whole loss, but only its own rows have a gradient, multiplied by the number of processes: the
        mean of the gradients over processes is then that of one process with all rows.
        """
        count = self.accelerator.num_processes
        if count == 1:
            return mine
        first = len(mine) * self.accelerator.process_index
        everyone = torch.zeros(len(mine) * count, *mine.shape[1:], dtype=mine.dtype, device=mine.device)
        everyone[first : first + len(mine)] = mine.detach()
        summed = self.accelerator.reduce(everyone, "sum")
        assert isinstance(summed, Tensor)
        own = mine.detach() + count * (mine - mine.detach())
        return torch.cat([summed[:first], own, summed[first + len(mine) :]])

    def mean(self, value: Tensor) -> float:
        """Returns the mean of a scalar over the processes."""
        reduced = self.accelerator.reduce(value.detach().to(self.accelerator.device), "mean")
        return float(reduced)

    def mean_of(self, values: dict[str, float]) -> dict[str, float]:
        """Returns the mean of each figure over the processes, all of which give the same names."""
        if self.accelerator.num_processes == 1:
            return values
        row = torch.tensor(list(values.values()), dtype=torch.float64, device=self.accelerator.device)
        reduced = self.accelerator.reduce(row, "mean")
        assert isinstance(reduced, Tensor)
        return dict(zip(values, reduced.tolist(), strict=True))

    def average_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replaces gradients by their mean over the processes, in one exchange.

        This is what DistributedDataParallel does, without its wrapper: penalties call other methods than `forward` and
        differentiate gradients.
        """
        if self.accelerator.num_processes == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), "mean")
        assert isinstance(flat, Tensor)
        for parameter, mean in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = torch.empty_like(parameter).copy_(mean.view(parameter.shape))

    def backward(self, loss: Tensor) -> None:
        """Accumulates the gradients of a loss."""
        self.accelerator.backward(loss)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Takes an optimizer step; in half precision, a step whose gradients overflowed is skipped."""
        scaler = self.accelerator.scaler
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()

    @property
    def loss_scale(self) -> dict[str, float]:
        """The state of the loss scaling of half precision; empty in other precisions."""
        scaler = self.accelerator.scaler
        return {} if scaler is None else dict(scaler.state_dict())

    def restore_loss_scale(self, kept: dict[str, float]) -> None:
        """Continues with the loss scaling of a checkpoint, if it has any."""
        if self.accelerator.scaler is not None and kept:
            self.accelerator.scaler.load_state_dict(kept)

    def precision(self, exact: bool) -> AbstractContextManager[None]:
        """Returns a context with the mixed precision of this run, or with float32 where differences must be exact."""
        if exact:
            return torch.autocast(self.accelerator.device.type, enabled=False)
        return self.accelerator.autocast()

    def wait(self) -> None:
        """Waits until all processes are here."""
        self.accelerator.wait_for_everyone()

    def track(self, steps: range, description: str, done: int = 0) -> tqdm:
        """Returns steps wrapped in a progress bar, shown by the main process on a terminal.

        Args:
            done: steps of an earlier run that the bar counts too.
        """
        shown = None if self.progress else True
        total = len(steps) + done
        return tqdm(
            steps, desc=description, disable=shown, leave=False, dynamic_ncols=True, initial=done, total=total, smoothing=0.05
        )


def _several_were_asked_for() -> bool:
    """Returns whether `accelerate launch --cpu` was asked for several processes: it sets an address, but no ranks."""
    return "ACCELERATE_USE_CPU" in os.environ and "MASTER_ADDR" in os.environ and "RANK" not in os.environ


def _leave() -> None:
    """Leaves the group of processes when Python ends; torch warns of those that do not."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
