"""Precision and recall: which generated images lie among the real ones, and which real ones among the generated ones."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

CHUNK = 1024
"""Rows and columns of a matrix of distances at a time."""
ROUNDING = 1e-12
"""Error of a squared distance, relative to the squared lengths that it is computed from: equal vectors must count as equal."""


def members(
    generated: Float[Tensor, "count features"], real: Float[Tensor, "others features"], k: int = 3
) -> tuple[Bool[Tensor, " count"], Bool[Tensor, " others"]]:
    """Which generated vectors lie among the real ones, and which real ones among the generated ones.

    The means are improved precision and recall (Kynkäänniemi et al., NeurIPS 2019, eq. 1 and 2). A vector lies among others
    where it is as near to one of them as that one's k-th neighbor in its own set. Both depend on the numbers of vectors:
    compare those of equal counts. A single real outlier has a large ball and can let many pass.

    Args:
        k: neighbors, 3 in the paper.

    Raises:
        ValueError: a set with no more than k vectors, or numbers that are NaN or infinite.
    """
    if k < 1 or min(len(generated), len(real)) <= k:
        raise ValueError(f"each set needs more than k >= 1 vectors, got {len(generated)} and {len(real)} with k = {k}")
    generated, real = generated.detach().cpu().double(), real.detach().cpu().double()
    if not (generated.isfinite().all() and real.isfinite().all()):
        raise ValueError("features are NaN or infinite: so are some of the images")
    middle = real.mean(dim=0)  # so that squared distances are not small differences of large squares
    generated, real = generated - middle, real - middle
    return _among(generated, real, k), _among(real, generated, k)


def _among(
    vectors: Float[Tensor, "count features"], others: Float[Tensor, "others features"], k: int
) -> Bool[Tensor, " count"]:
    """Returns whether each vector is as close to one of the others as that one's k-th neighbor."""
    reaches = _squared_reaches(others, k)
    among = []
    for rows in vectors.split(CHUNK):
        inside = torch.zeros(len(rows), dtype=torch.bool)
        for some, reach in zip(others.split(CHUNK), reaches.split(CHUNK), strict=True):
            squared, rounding = _squared_distances(rows, some)
            inside |= (squared <= reach + rounding).any(dim=1)
        among.append(inside)
    return torch.cat(among)


def _squared_reaches(vectors: Float[Tensor, "count features"], k: int) -> Float[Tensor, " count"]:
    """Returns the squared distance of each vector to its k-th neighbor."""
    reaches = []
    for rows in vectors.split(CHUNK):
        nearest = rows.new_empty(len(rows), 0)
        for others in vectors.split(CHUNK):
            seen = torch.cat([nearest, _squared_distances(rows, others)[0]], dim=1)
            nearest = seen.topk(min(k + 1, seen.shape[1]), dim=1, largest=False).values
        reaches.append(nearest[:, k])  # the nearest is the vector itself
    return torch.cat(reaches)


def _squared_distances(
    a: Float[Tensor, "count features"], b: Float[Tensor, "others features"]
) -> tuple[Float[Tensor, "count others"], Float[Tensor, "count others"]]:
    """Returns the squared distances of all pairs and their rounding error, by one matrix product (ten times faster)."""
    lengths = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1)
    return (lengths - 2 * a @ b.T).clamp_min(0), ROUNDING * lengths
