"""A small vocabulary of Accelerate: work divided over processes so that any number of them computes the same."""

import logging
import os
from collections.abc import Callable

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm.auto import tqdm

log = logging.getLogger("orojar")


class Processes:
    """The processes of this run: one, or those of `accelerate launch`."""

    def __init__(self, progress: bool = True) -> None:
        self.accelerator = Accelerator()
        if self.accelerator.num_processes == 1 and _several_were_asked_for():
            log.warning(
                "accelerate launch --cpu starts one process only (more need MPI). For two on CPUs type: "
                "ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 -m orojar_finetune ..."
            )
        self.progress = progress and self.accelerator.is_main_process

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.accelerator.is_main_process

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.accelerator.device

    def place(self, module: nn.Module) -> None:
        """Moves a module to this process's device where there are several processes."""
        if self.accelerator.num_processes > 1:
            module.to(self.accelerator.device)

    def rows(self, total: int) -> slice:
        """This process's rows of a batch.

        Raises:
            ValueError: the batch does not divide evenly.
        """
        count, left = divmod(total, self.accelerator.num_processes)
        if left:
            raise ValueError(f"batch_size must be a multiple of {self.accelerator.num_processes} processes, got {total}")
        first = count * self.accelerator.process_index
        return slice(first, first + count)

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

    def mean(self, value: Tensor) -> float:
        """The mean of a scalar over the processes."""
        reduced = self.accelerator.reduce(value.detach().to(self.accelerator.device), "mean")
        return float(reduced)

    def track(self, steps: range, description: str) -> tqdm:
        """A progress bar over steps, on the main process and where a person watches."""
        return tqdm(steps, desc=description, disable=None if self.progress else True, leave=False, dynamic_ncols=True)


def _several_were_asked_for() -> bool:
    """Whether `accelerate launch --cpu` was told a number of processes: it then sets an address to meet at, but no ranks."""
    return "ACCELERATE_USE_CPU" in os.environ and "MASTER_ADDR" in os.environ and "RANK" not in os.environ
