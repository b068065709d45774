"""The Fréchet distance between two sets of feature vectors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of a set of feature vectors; the moments of two sets add up to those of their union.

    Attributes:
        count: of vectors.
        mean: of the vectors, in float64 on the CPU.
        scatter: the sum over vectors of the outer product of their deviations from the mean.
    """

    count: int
    mean: Float[Tensor, " features"]
    scatter: Float[Tensor, "features features"]

    @classmethod
    def of(cls, features: Float[Tensor, "count features"]) -> "Moments":
        """The moments of one batch.

        Raises:
            ValueError: no vectors, or numbers that are NaN or infinite, as of a generator that has diverged.
        """
        if not len(features):
            raise ValueError("moments need at least one feature vector, got none")
        values = features.detach().cpu().double()
        if not values.isfinite().all():
            raise ValueError("features are NaN or infinite: so are some of the images")
        mean = values.mean(dim=0)
        deviations = values - mean
        return cls(len(values), mean, deviations.T @ deviations)

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both sets together (Chan, Golub and LeVeque 1979), so that batches and processes can be merged.

        Raises:
            ValueError: features of another width.
        """
        _check_widths(self, other)
        count = self.count + other.count
        apart = other.mean - self.mean
        scatter = self.scatter + other.scatter + torch.outer(apart, apart) * (self.count * other.count / count)
        return Moments(count, self.mean + apart * (other.count / count), scatter)

    @property
    def covariance(self) -> Float[Tensor, "features features"]:
        """The unbiased covariance.

        Raises:
            ValueError: fewer than two vectors.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 feature vectors, got {self.count}")
        return self.scatter / (self.count - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """The squared Wasserstein-2 distance between two Gaussians with these moments: 0 or more, 0 for equal ones.

    |m_a - m_b|² + Tr(C_a + C_b - 2 (C_a C_b)^½)  (Dowson and Landau 1982, eq. 4; Heusel et al., NeurIPS 2017, eq. 6)

    In squared units of the features. It is biased upwards, the more the fewer the samples (Chong and Forsyth, CVPR 2020):
    compare only distances of equal counts.

    Raises:
        ValueError: features of different widths, or fewer than two vectors.
    """
    _check_widths(a, b)
    shift = (a.mean - b.mean).square().sum()
    spread = a.covariance.trace() + b.covariance.trace()
    # Tr (C_a C_b)^½ is the sum of the singular values of F_aᵀ F_b for C = F Fᵀ: no root of a product that is not symmetric
    overlap = torch.linalg.svdvals(_factor(a.covariance).T @ _factor(b.covariance)).sum()
    return max(0.0, (shift + spread - 2 * overlap).item())


def distance_of_rows(a: Float[Tensor, "count features"], b: Moments) -> Callable[[Int[Tensor, " rows"]], float]:
    """Returns a function of row indices that computes the distance between those rows of a, repeats allowed, and b.

    For resampling: faster than `frechet_distance`, since b is factored once, and less exact.
    """
    factor, a = _factor(b.covariance), a.detach().cpu().double() - b.mean
    inside, lengths = a @ factor, a.square().sum(dim=1)

    def distance(rows: Tensor) -> float:
        count, shift = len(rows), a[rows].mean(dim=0).square().sum()
        spread = (lengths[rows].mean() - shift) * count / (count - 1) + b.covariance.trace()
        overlap = torch.linalg.eigvalsh(inside[rows].T.cov()).clamp_min(0).sqrt().sum()
        return (shift + spread - 2 * overlap).item()

    return distance


def _factor(covariance: Float[Tensor, "features features"]) -> Float[Tensor, "features rank"]:
    """Returns F with F Fᵀ = C, without eigenvectors whose eigenvalue is 0 up to rounding."""
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    rounding = math.ulp(1.0) * len(eigenvalues) * eigenvalues[-1]
    kept = eigenvalues > rounding
    return eigenvectors[:, kept] * eigenvalues[kept].sqrt()


def _check_widths(a: Moments, b: Moments) -> None:
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"both sets need features of one width, got {len(a.mean)} and {len(b.mean)}")
