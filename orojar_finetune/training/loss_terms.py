"""Loss terms, each with its own batch, interval and weight."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor


def always_one(_step: int) -> float:
    """Returns 1, the weight of a term that is neither scheduled nor scaled."""
    return 1.0


@dataclass(frozen=True)
class LossTerm:
    """One term of a network's loss.

    Attributes:
        name: what the progress bar, the history and the trackers call it.
        loss: takes a step and some rows of its batch; returns the mean over those rows, unweighted.
        rows: size of its batch, over all processes together.
        every: evaluated every so many steps, its gradient scaled by as many (lazy regularization, Karras et al., StyleGAN2,
            appendix B).
        weight: by step; a term of weight 0 is skipped.
        exact: whether it runs in float32 whatever the mixed precision, as differences and second derivatives need.
    """

    name: str
    loss: Callable[[int, slice], Tensor]
    rows: int
    every: int = 1
    weight: Callable[[int], float] = always_one
    exact: bool = False

    def factor(self, step: int) -> float:
        """Returns the factor of the mean loss in a step, 0 if the term is not due."""
        return self.every * self.weight(step) if step % self.every == 0 else 0.0


def delayed(term: LossTerm, first: int) -> LossTerm:
    """Returns the same term, skipped until a step."""
    return replace(term, weight=lambda step: term.weight(step) if step >= first else 0.0)
