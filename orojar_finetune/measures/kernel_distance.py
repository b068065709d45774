"""The kernel distance between two sets of feature vectors (KID)."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

CHUNK = 1024
"""Rows of a kernel matrix at a time."""


class KernelDistance(NamedTuple):
    """The mean of the squared distance over subsets, and its standard deviation from subset to subset."""

    mean: float
    deviation: float


def kernel_distance(
    a: Float[Tensor, "count features"],
    b: Float[Tensor, "others features"],
    *,
    rng: torch.Generator,
    subsets: int = 100,
    subset_size: int = 1000,
) -> KernelDistance:
    """The squared maximum mean discrepancy of the features, over random subsets (Bińkowski et al., ICLR 2018, section 4).

    Unlike the Fréchet distance it is unbiased, so that few images are enough; for equal distributions it is about 0, and
    negative half of the time. With the 2048 features of `inception` it is KID.

    Args:
        rng: on the CPU, draws the subsets.
        subset_size: vectors of each set in a subset, drawn without replacement.

    Raises:
        ValueError: fewer vectors than a subset has, fewer than 2 in one, or no subsets.
    """
    if not 2 <= subset_size <= min(len(a), len(b)):
        raise ValueError(f"subset_size must be 2 to {min(len(a), len(b))}, the vectors of the smaller set, got {subset_size}")
    if subsets < 1:
        raise ValueError(f"subsets must be at least 1, got {subsets}")

    def some(features: Tensor) -> Tensor:
        return features.cpu()[torch.randperm(len(features), generator=rng)[:subset_size]]

    distances = torch.tensor([squared_discrepancy(some(a), some(b)) for _ in range(subsets)], dtype=torch.float64)
    return KernelDistance(distances.mean().item(), distances.std(correction=0).item())


def squared_discrepancy(a: Float[Tensor, "count features"], b: Float[Tensor, "others features"]) -> float:
    """The unbiased squared maximum mean discrepancy under the kernel (x . y / d + 1)³ of vectors of width d.

    Sum over i != j of k(a_i, a_j) / m (m - 1), the same of b, less twice the mean of k(a_i, b_j)
    (Gretton et al., JMLR 2012, eq. 3; the kernel of Bińkowski et al., ICLR 2018).

    Raises:
        ValueError: fewer than two vectors in a set, or numbers that are NaN or infinite.
    """
    a, b = a.detach().cpu().double(), b.detach().cpu().double()
    if min(len(a), len(b)) < 2:
        raise ValueError(f"each set needs at least 2 feature vectors, got {len(a)} and {len(b)}")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError("features are NaN or infinite: so are some of the images")
    return _mean_of_others(a) + _mean_of_others(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def discrepancy_of_rows(
    a: Float[Tensor, "count features"], b: Float[Tensor, "others features"]
) -> Callable[[Int[Tensor, " rows"]], float]:
    """Returns a function of row indices that computes `squared_discrepancy` of those rows of a, repeats allowed, and b.

    For resampling. A row is never compared with itself, however often it is drawn. Keeps count² kernel values in float64.
    """
    a, b = a.detach().cpu().double(), b.detach().cpu().double()
    pairs = torch.cat([_kernel(part, a) for part in a.split(CHUNK)])
    itself = pairs.diagonal()
    to_others = torch.cat([_kernel(part, b).mean(dim=1) for part in a.split(CHUNK)])
    of_others = _mean_of_others(b)

    def discrepancy(rows: Tensor) -> float:
        times = torch.bincount(rows, minlength=len(a)).double()
        repeated = times.square()
        different = times.sum().square() - repeated.sum()
        among = (times @ pairs @ times - repeated @ itself) / different
        return (among + of_others - 2 * (times @ to_others) / times.sum()).item()

    return discrepancy


def _mean_of_others(a: Float[Tensor, "count features"]) -> float:
    """The mean of the kernel over pairs of different vectors."""
    with_themselves = (a.square().mean(dim=1) + 1).pow(3).sum().item()
    return (_kernel_sum(a, a) - with_themselves) / (len(a) * (len(a) - 1))


def _kernel_sum(a: Float[Tensor, "count features"], b: Float[Tensor, "others features"]) -> float:
    return sum(_kernel(part, b).sum().item() for part in a.split(CHUNK))


def _kernel(a: Float[Tensor, "count features"], b: Float[Tensor, "others features"]) -> Float[Tensor, "count others"]:
    return (a @ b.T / a.shape[1] + 1).pow(3)
