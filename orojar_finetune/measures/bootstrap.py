"""Confidence intervals of figures over latents, by resampling the latents."""

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
        statistic: takes as many rows as there are, some of them several times.
        rng: on the CPU.
        resamples: more of them make the ends smoother, not the interval narrower.
        level: the intended coverage, between 0 and 1.

    Raises:
        ValueError: fewer than two latents or resamples, or a level out of range.
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
    centered: bool = False,
) -> Interval:
    """The interval of a statistic that takes row indices: for what is computed from several tables at once.

    The percentile interval (Efron 1979; Efron and Tibshirani 1993, section 13.3): the statistic's quantiles over sets of
    latents drawn from the given ones with replacement. A latent brings its values for all directions, so that what these have
    in common is resampled in common. The bias of a statistic is ignored, and with few latents the interval is too narrow.

    Args:
        statistic: takes indices of latents, each any number of times; returns one number or one tensor.
        latents: how many there are.
        centered: whether the interval is shifted so that the mean over resamples is the value: for statistics that repeated
            rows raise by themselves, such as distances between distributions and mutual information.

    Raises:
        ValueError: fewer than two latents or resamples, or a level out of range.
    """
    if latents < 2 or resamples < 2:
        raise ValueError(f"an interval needs at least 2 latents and 2 resamples, got {latents} and {resamples}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, as in 0.95, got {level}")

    def of(rows: Tensor) -> Tensor:
        return torch.as_tensor(statistic(rows)).detach().cpu().double()

    resampled = torch.stack([of(torch.randint(latents, (latents,), generator=rng)) for _ in range(resamples)])
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    value = of(torch.arange(latents))
    low, high = resampled.quantile(ends, dim=0) + (value - resampled.mean(dim=0) if centered else 0)
    return Interval(value, low, high)
