"""Orthonormal bases: random ones, leading eigenvectors, and those found by gradient descent."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from orojar_finetune.config import DescentOptions
from orojar_finetune.runtime.processes import Processes

WINDOW = 25
"""Steps over which the loss is averaged before it counts as better or worse."""
IMPROVEMENT = 0.01


def random_basis(count: int, size: int, seed: int) -> Float[Tensor, "count size"]:
    """Orthonormal rows of a uniformly random rotation, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(size, count, generator=rng))[0].T.contiguous()


def leading(gram: Float[Tensor, "size size"], count: int) -> Float[Tensor, "size count"]:
    """The eigenvectors of the largest eigenvalues, in columns, largest first."""
    return torch.linalg.eigh(gram.cpu())[1].flip(1)[:, :count].to(gram)  # not every device can


class Basis(nn.Module):
    """Orthonormal rows as the only parameter, kept orthonormal by `torch.nn.utils.parametrizations`."""

    weight: Tensor

    def __init__(self, start: Float[Tensor, "count size"]) -> None:
        super().__init__()
        self.weight = nn.Parameter(start.cpu())
        with torch.random.fork_rng(devices=[]):  # torch completes the rows to a rotation with global randomness
            torch.default_generator.manual_seed(0)
            parametrizations.orthogonal(self, "weight")
        self.to(start.device)

    def forward(self) -> Float[Tensor, "count size"]:
        return self.weight


def descend_basis(
    loss: Callable[[Tensor, int], Tensor],
    start: Float[Tensor, "count size"],
    options: DescentOptions,
    processes: Processes,
) -> Float[Tensor, "count size"]:
    """Returns the orthonormal basis that Adam finds for a loss.

    Stops early when the mean loss of 25 steps has not fallen by 1 % for `patience` steps; the best such window's basis is kept.

    Args:
        loss: basis and step number to this process's mean loss; gradients are averaged over the processes.
        start: orthonormal rows to start from.

    Raises:
        ValueError: a loss that was never finite.
    """
    basis = Basis(start)  # not Accelerate's, whose mixed precision would round the rotation
    optimizer = torch.optim.Adam(basis.parameters(), lr=options.learning_rate)
    best, best_loss, best_step = start, float("inf"), 0
    window: list[float] = []
    bar = processes.track(range(options.steps), "descending")
    for step in bar:
        current = basis()
        value = loss(current, step)
        optimizer.zero_grad()
        value.backward()
        processes.average_gradients(list(basis.parameters()))
        optimizer.step()
        window.append(processes.mean(value))
        if len(window) == WINDOW or step == options.steps - 1:
            average = sum(window) / len(window)
            window.clear()
            bar.set_postfix(loss=f"{average:.4g}")
            if average < best_loss * (1 - IMPROVEMENT):
                best, best_loss, best_step = current.detach().clone(), average, step
            elif options.patience and step - best_step >= options.patience:
                break
    if best_loss == float("inf"):
        raise ValueError(f"the loss was never finite: its last mean over {WINDOW} steps was {average}")
    return best
