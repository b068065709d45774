"""`ganspace`: principal components (Härkönen et al., "GANSpace: Discovering Interpretable GAN Controls", NeurIPS 2020).

In w they are those of w itself. In z of generators without w, whose z is isotropic, the authors take the components of an
early layer's features and carry them over to z by linear least squares. That regression is Cov(z, x) Var(x)⁻¹ for coordinates
x along the components; its columns need not be orthogonal, and the authors use them as they are. Directions here are
orthonormal, so they are made so in the order of the components: each keeps what the ones before it have not.

Means and covariances are running sums, so that memory does not grow with the samples. The components of features too many for
a whole covariance C come from CΩ for a random Ω, by the Nyström method (Tropp et al., "Fixed-Rank Approximation of a
Positive-Semidefinite Matrix from Streaming Data", NeurIPS 2017, equation 2): exact up to rank SKETCH, nearly so beyond.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery.moved_features import moved_features
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import rng, with_float64

BATCH = 1024
"""Latents drawn at once. Not the batch size of images, which shall not change what is drawn."""
SKETCH = 256
"""Columns of Ω; up to as many values their whole covariance is taken."""
NEGLIGIBLE = 1e-10
"""Variances below this share of the largest are rounding."""


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The leading principal components of w, or the directions in z that go with those of the first features they move.

    With `activations`, the features are those. Where classes or a part of z are not moved, pairs of latents that share them
    are compared, so that components are of what the directions can reach.

    Raises:
        ValueError: z or w+ of a generator with a w, or fewer independent components than directions.
    """
    if space.name != "w" and "w" in space.generator.spaces:
        raise ValueError("ganspace takes the principal components of w: choose the space w")
    layers = _features_of(space, config)
    device = with_float64(space.generator.device)
    width = observed(space, layers, *pairs(space, 1, rng(config.seed, "ganspace")))[0].shape[1]
    columns = max(SKETCH, 2 * config.count)
    sketch = torch.eye(width, dtype=torch.float64, device=device)
    if width > columns:
        draws = torch.randn(width, columns, generator=rng(config.seed, "ganspace", "sketch"), dtype=torch.float64)
        sketch = draws.to(device)

    def moments(i: int) -> Tensor:
        """Sums of all products of [values, 1] with [values Ω, latents, 1] over one batch."""
        anchors, twins = pairs(space, min(BATCH, config.samples - i * BATCH), rng(config.seed, "ganspace", i))
        total = torch.zeros(width + 1, sketch.shape[1] + space.size + 1, dtype=torch.float64, device=device)
        for first in range(0, len(anchors), config.batch_size):
            rows = slice(first, first + config.batch_size)
            seen = observed(space, layers, anchors.rows(rows), None if twins is None else twins.rows(rows))
            values, latents = (t.to(device).double() for t in seen)
            ones = values.new_ones(len(values), 1)
            total += torch.cat([values, ones], dim=1).T @ torch.cat([values @ sketch, latents, ones], dim=1)
        return total

    sums = processes.sum(-(-config.samples // BATCH), moments, "sampling latents") / config.samples
    covariances = (sums - sums[:, -1:] * sums[-1:])[:-1, :-1]  # less the products of the means
    components = leading_components(covariances[:, : sketch.shape[1]], sketch, config.count)
    directions = torch.linalg.qr((components.T @ covariances[:, sketch.shape[1] :]).T)[0].T
    return directions.to(space.generator.dtype).to(space.generator.device).contiguous()


def _features_of(space: LatentSpace, config: DiscoverConfig) -> tuple[int, ...]:
    if space.name == "w":
        return ()
    moved = moved_features(space, config.seed, config.activations)
    return moved if config.activations else moved[:1]


def pairs(space: LatentSpace, count: int, draws: torch.Generator) -> tuple[Anchors, Anchors | None]:
    """Latents, and where directions in z leave a class or coordinates alone, twins that differ in the others only."""
    anchors = space.sample(count, draws)
    if space.name == "w" or (anchors.labels is None and space.part is None):
        return anchors, None
    latents = anchors.latents.clone()
    latents[:, space.coordinates] = space.sample(count, draws).latents[:, space.coordinates]
    return anchors, Anchors(latents, anchors.labels)


@torch.no_grad()
def observed(
    space: LatentSpace, layers: tuple[int, ...], anchors: Anchors, twins: Anchors | None
) -> tuple[Float[Tensor, "count values"], Float[Tensor, "count size"]]:
    """What the components are of, and the coordinates that directions move; where there are twins, how they differ."""
    if twins is not None:
        (values, latents), (others, other) = observed(space, layers, anchors, None), observed(space, layers, twins, None)
        return values - others, latents - other
    if space.name == "w":
        return anchors.latents[:, 0], anchors.latents[:, 0]
    still = torch.zeros(len(anchors), space.size, device=anchors.latents.device)
    features = space.outputs(anchors, still, layers)[1:]
    return torch.cat([values.flatten(1) for values in features], dim=1), anchors.latents[:, space.coordinates]


def leading_components(
    spread: Float[Tensor, "values columns"], sketch: Float[Tensor, "values columns"], count: int
) -> Float[Tensor, "values count"]:
    """The eigenvectors of the largest eigenvalues of a covariance C, in columns, from CΩ and Ω.

    Raises:
        ValueError: fewer than `count` eigenvalues stand out from rounding.
    """
    core = sketch.T @ spread
    sizes, turn = torch.linalg.eigh((core + core.T) / 2)
    kept = sizes > NEGLIGIBLE * sizes[-1].clamp_min(0)
    root = spread @ (turn[:, kept] / sizes[kept].sqrt())  # C is root rootᵀ
    variances, turn = torch.linalg.eigh(root.T @ root)
    found = int((variances > NEGLIGIBLE * variances[-1:]).sum())
    if found < count:
        raise ValueError(f"ganspace found {found} principal components here, which is fewer than count, {count}")
    return (root @ (turn / variances.clamp_min(1e-300).sqrt())).flip(1)[:, :count]
