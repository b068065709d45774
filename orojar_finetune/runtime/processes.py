"""A small vocabulary of Accelerate: work divided over processes so that any number of them computes the same.

Noise maps are the exception (`noise="random"`): they are drawn for the rows that a process has.
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
                "accelerate launch --cpu starts one process only (more need MPI). For two on CPUs type: "
                "ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 -m orojar_finetune ..."
            )
        if self.accelerator.num_processes > 1:
            atexit.unregister(_leave)
            atexit.register(_leave)
        self.trackers = Trackers(self.accelerator)
        self.progress = progress and self.accelerator.is_main_process

    @classmethod
    def of_training(cls, run: RunConfig, folder: Path, progress: bool = True) -> "Processes":
        """Those of a training, whose precision is its own, whatever ran before in the same Python process.

        Raises:
            ValueError: a batch that does not divide evenly among them.
        """
        AcceleratorState._reset_state()  # Accelerate keeps the first precision of a Python process and refuses another
        processes = cls(progress, run.mixed_precision, run.report_to, folder)
        if run.train_batch_size % processes.count:
            raise ValueError(
                f"--train-batch-size must be a multiple of the {processes.count} processes, got {run.train_batch_size}"
            )
        return processes

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.accelerator.is_main_process

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.accelerator.device

    @property
    def count(self) -> int:
        """How many there are."""
        return self.accelerator.num_processes

    def place(self, module: nn.Module) -> None:
        """Moves a module to this process's device where there are several processes."""
        if self.accelerator.num_processes > 1:
            module.to(self.accelerator.device)

    def share(self, total: int) -> int:
        """How many rows of a batch a process has.

        Raises:
            ValueError: the batch does not divide evenly.
        """
        count, left = divmod(total, self.accelerator.num_processes)
        if left:
            raise ValueError(f"batch_size must be a multiple of {self.accelerator.num_processes} processes, got {total}")
        return count

    def rows(self, total: int) -> slice:
        """This process's rows of a batch.

        Raises:
            ValueError: the batch does not divide evenly.
        """
        count = self.share(total)
        first = count * self.accelerator.process_index
        return slice(first, first + count)

    def portion(self, total: int) -> slice:
        """This process's rows of a batch that need not divide evenly: some have one more, or one where others have none."""
        i = self.accelerator.process_index
        return slice(total * i // self.count, total * (i + 1) // self.count)

    def stack(self, count: int, compute: Callable[[int], Tensor], description: str) -> Tensor:
        """`compute(0)`, ..., `compute(count - 1)` stacked, each computed by one process and known to all."""
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
        """`compute(0)` + ... + `compute(count - 1)`, each computed by one process; the sum is known to all.

        For what is too large to `stack`. Processes add in another order than one does: sum in float64.
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
        """All processes' `rows` of a batch, for a loss that compares every row with every other.

        Each process computes the whole loss, and its own rows alone have a gradient, as many times as large as there are
        processes: the mean of the gradients over processes is then that of one process with all rows.
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
        """The mean of a scalar over the processes."""
        reduced = self.accelerator.reduce(value.detach().to(self.accelerator.device), "mean")
        return float(reduced)

    def mean_of(self, values: dict[str, float]) -> dict[str, float]:
        """The mean of each figure over the processes; all processes name the same."""
        if self.accelerator.num_processes == 1:
            return values
        row = torch.tensor(list(values.values()), dtype=torch.float64, device=self.accelerator.device)
        reduced = self.accelerator.reduce(row, "mean")
        assert isinstance(reduced, Tensor)
        return dict(zip(values, reduced.tolist(), strict=True))

    def average_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replaces gradients by their mean over the processes, in one exchange.

        What DistributedDataParallel does, without its wrapper: penalties call other methods than `forward` and differentiate
        gradients.
        """
        if self.accelerator.num_processes == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), "mean")
        assert isinstance(flat, Tensor)
        for parameter, mean in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = torch.empty_like(parameter).copy_(mean.view(parameter.shape))

    def backward(self, loss: Tensor) -> None:
        """Adds a loss's gradients."""
        self.accelerator.backward(loss)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Moves weights along their gradients; in half precision a step whose gradients overflowed is left out."""
        scaler = self.accelerator.scaler
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()

    @property
    def loss_scale(self) -> dict[str, float]:
        """What half precision multiplies losses by, and how it got there; empty in other precisions."""
        scaler = self.accelerator.scaler
        return {} if scaler is None else dict(scaler.state_dict())

    def restore_loss_scale(self, kept: dict[str, float]) -> None:
        """Goes on with the loss scale of a checkpoint, if it has one."""
        if self.accelerator.scaler is not None and kept:
            self.accelerator.scaler.load_state_dict(kept)

    def precision(self, exact: bool) -> AbstractContextManager[None]:
        """The mixed precision of this run, or float32 where differences must be exact."""
        if exact:
            return torch.autocast(self.accelerator.device.type, enabled=False)
        return self.accelerator.autocast()

    def wait(self) -> None:
        """Until all processes are here."""
        self.accelerator.wait_for_everyone()

    def track(self, steps: range, description: str, done: int = 0) -> tqdm:
        """A progress bar over steps, on the main process and where a person watches.

        Args:
            done: steps of an earlier run that the bar counts too.
        """
        shown = None if self.progress else True
        total = len(steps) + done
        return tqdm(
            steps, desc=description, disable=shown, leave=False, dynamic_ncols=True, initial=done, total=total, smoothing=0.05
        )


def _several_were_asked_for() -> bool:
    """Whether `accelerate launch --cpu` was told a number of processes: it then sets an address to meet at, but no ranks."""
    return "ACCELERATE_USE_CPU" in os.environ and "MASTER_ADDR" in os.environ and "RANK" not in os.environ


def _leave() -> None:
    """Leaves the group of processes when Python ends: torch warns of those that do not."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
