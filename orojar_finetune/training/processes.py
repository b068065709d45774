"""A small vocabulary of Accelerate: work divided over processes so that any number of them computes the same."""

from collections.abc import Callable

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm.auto import tqdm


class Processes:
    """The processes of this run: one, or those of `accelerate launch`."""

    def __init__(self, progress: bool = True) -> None:
        self.accelerator = Accelerator()
        self.progress = progress and self.accelerator.is_main_process

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.accelerator.is_main_process

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
        return float(reduced)  # ty: ignore[invalid-argument-type]

    def track(self, steps: range, description: str) -> tqdm:
        """A progress bar over steps, on the main process."""
        return tqdm(steps, desc=description, disable=not self.progress, leave=False, dynamic_ncols=True)
