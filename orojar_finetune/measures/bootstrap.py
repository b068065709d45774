"""How far a figure could be off because only so many latents were looked at: confidence intervals by resampling them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Interval(NamedTuple):
    """A statistic and the ends of its confidence interval, each of the statistic's shape."""

    value: Float[Tensor, "*shape"]
    low: Float[Tensor, "*shape"]
    high: Float[Tensor, "*shape"]


def mean(values: Float[Tensor, "latents *shape"]) -> Float[Tensor, "*shape"]:
    """The mean over latents."""
    return values.mean(dim=0)


def interval(
    values: Float[Tensor, "latents *shape"],
    statistic: Callable[[Tensor], Tensor | float] = mean,
    *,
    rng: torch.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """The interval of a statistic of per-latent values.

    Args:
        values: one row a latent.
        statistic: takes some of the rows, as many as there are, some of them several times.
        rng: on the CPU.
        resamples: more make the ends smoother, not closer.
        level: how often the interval is meant to hold the truth, between 0 and 1.

    Raises:
        ValueError: fewer than two latents or resamples, or a level that is none.
    """
    rows = values.detach().cpu().double()
    return interval_of(lambda some: statistic(rows[some]), len(rows), rng=rng, resamples=resamples, level=level)


def interval_of(
    statistic: Callable[[Int[Tensor, " latents"]], Tensor | float],
    latents: int,
    *,
    rng: torch.Generator,
    resamples: int = 1000,
    level: float = 0.95,
    centred: bool = False,
) -> Interval:
    """The interval of a statistic that is given the rows to look at: for what is computed from several tables at once.

    The percentile interval (Efron 1979; Efron and Tibshirani 1993, section 13.3): the statistic's quantiles over sets of
    latents drawn from the given ones with replacement. Between directions the rows stay together, so that what is common to
    them is resampled in common. It knows nothing of a statistic's bias, and with few latents it is too narrow.

    Args:
        statistic: takes indices of latents, each any number of times; gives one number or one tensor of them.
        latents: how many there are.
        centred: whether the interval is moved to have the mean of its statistics where the value is: for statistics that
            repeated rows raise by themselves, as distances between distributions and mutual information.

    Raises:
        ValueError: fewer than two latents or resamples, or a level that is none.
    """
    if latents < 2 or resamples < 2:
        raise ValueError(f"an interval needs at least 2 latents and 2 resamples, got {latents} and {resamples}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, as in 0.95, got {level}")

    def found(some: Tensor) -> Tensor:
        return torch.as_tensor(statistic(some)).detach().cpu().double()

    repeated = torch.stack([found(torch.randint(latents, (latents,), generator=rng)) for _ in range(resamples)])
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    value = found(torch.arange(latents))
    low, high = repeated.quantile(ends, dim=0) + (value - repeated.mean(dim=0) if centred else 0)
    return Interval(value, low, high)
