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

from orojar_finetune.config import DiscoverConfig, GanspaceOptions
from orojar_finetune.discovery.moved_features import moved_features
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import rng, with_float64

SAMPLES_OF_W, SAMPLES_OF_Z = 200_000, 10_000
"""Sampled latents by default: in w none costs an image, and fewer do not determine the sixth and seventh component."""
BATCH = 1024
"""Latents drawn at once, whatever the batch size of images, so that the latter does not change what is drawn."""
SKETCH = 256
"""Columns of Ω; up to as many values their whole covariance is taken."""
NEGLIGIBLE = 1e-10
"""Variances below this share of the largest are rounding."""


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Returns the leading principal components of w, or the directions in z that correspond to those of features.

    Raises:
        ValueError: z or w+ of a generator with a w, or fewer independent components than directions.
    """
    if space.name != "w" and "w" in space.generator.spaces:
        raise ValueError("ganspace takes the principal components of w: choose the space w")
    rows = _components_of_w(space, config, processes) if space.name == "w" else _directions_in_z(space, config, processes)
    return rows.to(space.generator.dtype).to(space.generator.device).contiguous()


def _components_of_w(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    options: GanspaceOptions = config.options
    samples, device = options.samples or SAMPLES_OF_W, with_float64(space.generator.device)

    def moments(i: int) -> Tensor:
        """Sums of all products of [w, 1] with itself over one batch."""
        latents = space.sample(min(BATCH, samples - i * BATCH), rng(config.seed, "ganspace", i))
        w = _with_ones(latents.values[:, 0].to(device).double())
        return w.T @ w

    covariance = _centered(processes.sum(-(-samples // BATCH), moments, "sampling latents") / samples)
    return leading_components(covariance, torch.eye(space.size).to(covariance), config.count).T


def _directions_in_z(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """Returns the regression of z on the principal components of features (of `activations`, or the first that change).

    Where classes or a part of z are not moved, pairs of latents that share them are compared, so that components are of what
    the directions can reach.
    """
    options: GanspaceOptions = config.options
    samples, device = options.samples or SAMPLES_OF_Z, with_float64(space.generator.device)
    changing = moved_features(space, config.seed, options.activations)
    layers = changing if options.activations else changing[:1]
    width = observed(space, layers, *pairs(space, 1, rng(config.seed, "ganspace")))[0].shape[1]
    columns = max(SKETCH, 2 * config.count)
    sketch = torch.eye(width, dtype=torch.float64, device=device)
    if width > columns:
        draws = torch.randn(width, columns, generator=rng(config.seed, "ganspace", "sketch"), dtype=torch.float64)
        sketch = draws.to(device)

    def moments(i: int) -> Tensor:
        """Sums of all products of [values, 1] with [values Ω, latents, 1] over one batch."""
        latents, twins = pairs(space, min(BATCH, samples - i * BATCH), rng(config.seed, "ganspace", i))
        total = torch.zeros(width + 1, sketch.shape[1] + space.size + 1, dtype=torch.float64, device=device)
        for first in range(0, len(latents), config.batch_size):
            rows = slice(first, first + config.batch_size)
            seen = observed(space, layers, latents[rows], None if twins is None else twins[rows])
            values, coordinates = (t.to(device).double() for t in seen)
            total += _with_ones(values).T @ _with_ones(torch.cat([values @ sketch, coordinates], dim=1))
        return total

    covariances = _centered(processes.sum(-(-samples // BATCH), moments, "sampling latents") / samples)
    components = leading_components(covariances[:, : sketch.shape[1]], sketch, config.count)
    return torch.linalg.qr((components.T @ covariances[:, sketch.shape[1] :]).T)[0].T


def _with_ones(rows: Float[Tensor, "count values"]) -> Float[Tensor, "count more"]:
    return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)


def _centered(products: Float[Tensor, "rows columns"]) -> Float[Tensor, "values others"]:
    """Returns covariances, given the mean products of [values, 1] with [others, 1]."""
    return (products - products[:, -1:] * products[-1:])[:-1, :-1]


def pairs(space: LatentSpace, count: int, draws: torch.Generator) -> tuple[Latents, Latents | None]:
    """Returns latents and, if directions in z do not move all of it, twins that differ only in the coordinates they move."""
    latents = space.sample(count, draws)
    if latents.labels is None and space.part is None:
        return latents, None
    values = latents.values.clone()
    values[:, space.coordinates] = space.sample(count, draws).values[:, space.coordinates]
    return latents, Latents(values, latents.labels)


@torch.no_grad()
def observed(
    space: LatentSpace, layers: tuple[int, ...], latents: Latents, twins: Latents | None
) -> tuple[Float[Tensor, "count values"], Float[Tensor, "count size"]]:
    """Returns features and the coordinates that directions move; with twins, the differences between them."""
    if twins is not None:
        (values, moving), (others, other) = observed(space, layers, latents, None), observed(space, layers, twins, None)
        return values - others, moving - other
    features = space.outputs(latents, torch.zeros_like(latents.values), layers)[1:]
    return torch.cat([values.flatten(1) for values in features], dim=1), latents.values[:, space.coordinates]


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
    independent = int((variances > NEGLIGIBLE * variances[-1:]).sum())
    if independent < count:
        raise ValueError(f"there are {independent} principal components, fewer than count, {count}")
    return (root @ (turn / variances.clamp_min(1e-300).sqrt())).flip(1)[:, :count]
