"""What a loss is made of: parts, each with its own rows, rhythm and weight."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

Average = Callable[[dict[str, float]], dict[str, float]]
"""Gives the mean of each figure over the processes."""


def always_one(_step: int) -> float:
    """The weight of a part that is neither ramped nor scaled."""
    return 1.0


@dataclass(frozen=True)
class Part:
    """One term of a network's loss.

    Attributes:
        name: what the progress bar, the history and the trackers call it.
        loss: of a step and some of the rows of its batch, the mean over those rows, unweighted.
        rows: size of its batch, over all processes together.
        every: steps from one evaluation to the next; its gradient then counts so many times (lazy regularization,
            Karras et al., StyleGAN2, appendix B).
        weight: at a step; a part of weight 0 is left out.
        after: called once the network has stepped, for what the part itself remembers.
        exact: whether it runs in float32 whatever the mixed precision: differences and second derivatives need it.
        most: how long the gradient of a weight tensor may be, as a multiple of that of all parts without such a limit.
    """

    name: str
    loss: Callable[[int, slice], Tensor]
    rows: int
    every: int = 1
    weight: Callable[[int], float] = always_one
    exact: bool = False
    after: Callable[[Average], None] | None = None
    most: float | None = None

    def factor(self, step: int) -> float:
        """What its mean loss is multiplied with in this step, 0 when it is not due."""
        return self.every * self.weight(step) if step % self.every == 0 else 0.0


def delayed(part: Part, first: int) -> Part:
    """The same part, left out before a step."""
    return replace(part, weight=lambda step: part.weight(step) if step >= first else 0.0)


def add_limited(parameters: Sequence[Tensor], others: Sequence[Tensor | None], most: float) -> None:
    """Adds to the gradients of some parts those of the others, after shortening each to a multiple of theirs.

    Where there is no other gradient there is nothing to measure by, and it stays as long as it is.

    Args:
        parameters: weights with the gradients to be shortened.
        others: for each the gradient of the other parts.
        most: longest norm, as a multiple of the other's, tensor by tensor.
    """
    for parameter, other in zip(parameters, others, strict=True):
        if other is None:
            continue
        if parameter.grad is None:
            parameter.grad = other
            continue
        norm = parameter.grad.norm()
        parameter.grad.mul_((most * other.norm() / norm).clamp(max=1.0).where(norm > 0, 1.0)).add_(other)
