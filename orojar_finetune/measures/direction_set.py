"""Measures a direction set: how orthogonal its Jacobian is, and how active each direction is."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.config import HELD_OUT
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.gram import jacobian
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import full_precision, rng

EPSILON = 0.05
"""Step of the central difference behind Gram matrices, in sigmas."""
VARIANCE_SAMPLES = 512
"""Images whose variance is the unit of activity."""
BATCH_SIZE = 64


@dataclass(frozen=True)
class DirectionScores:
    """Per-latent measurements of a direction set; the scores are their means.

    Attributes:
        grams: Gram matrices JᵀJ of the image along the directions, in sigmas.
        layer_grams: the same of activations, layer by layer.
        activities: mean squared change of the image by one sigma, forth and back, over the variance of images.
    """

    grams: Float[Tensor, "latents directions directions"]
    layer_grams: Float[Tensor, "layers latents directions directions"]
    activities: Float[Tensor, "latents directions"]

    @property
    def scores(self) -> dict[str, float]:
        """The means over latents, by the keys of `Directions.scores`."""
        return {
            "off_diagonal_cos2": off_diagonal_cos2(self.grams).mean().item(),
            "off_diagonal_share": off_diagonal_share(self.grams).mean().item(),
            "effective_directions": effective_directions(self.grams).mean().item(),
            "activity": self.activities.mean(dim=0).mean().item(),
        }

    def take(self, rows: Sequence[int]) -> "DirectionScores":
        """The scores of the same directions in another order, or of some of them."""
        return DirectionScores(
            self.grams[:, rows][:, :, rows], self.layer_grams[:, :, rows][:, :, :, rows], self.activities[:, rows]
        )

    def on(self, directions: Directions) -> Directions:
        """The direction set with these scores."""
        return dataclasses.replace(directions, activity=tuple(self.activities.mean(dim=0).tolist()), scores=self.scores)


def measure_directions(
    generator: Generator,
    directions: Directions,
    latents: int | None = None,
    seed: int = 0,
    processes: Processes | None = None,
    batch_size: int = BATCH_SIZE,
    activations: Sequence[int] = (),
) -> DirectionScores:
    """Measures directions on held-out latents, which no method has seen.

    The same generator, directions and seed give the same scores everywhere: in a search, a fine-tune, a card, an evaluation.

    Args:
        latents: how many; None means 256, as behind every figure that is printed or written.
        seed: of the held-out latents.
        processes: that share the work; None means one.
        batch_size: the most images generated at once.
        activations: layers that are measured beside the image.

    Raises:
        ValueError: directions of another space or of layers that the generator does not have, or images with NaN or infinity.
    """
    processes = processes or Processes(progress=False)
    space = LatentSpace(generator, directions.space)
    moves = directions.moves(len(generator.layers)).to(generator.device)
    held_out = space.sample(HELD_OUT if latents is None else latents, rng(seed, "held-out latents"))

    def grams(i: int) -> Tensor:
        """Returns the Gram matrices of the image and of each layer."""
        with torch.no_grad():
            changes = jacobian(space, held_out[i : i + 1], moves, EPSILON, batch_size, activations)
        return torch.stack([change @ change.T for change in changes])

    def change(i: int) -> Tensor:
        return squared_change(space, held_out[i : i + 1], moves, batch_size)

    image, *layers = processes.stack(len(held_out), grams, "measuring directions").unbind(dim=1)
    changes = processes.stack(len(held_out), change, "measuring activity")
    if not changes.isfinite().all():
        raise ValueError("moved images have values that are NaN or infinite")
    variance = image_variance(generator, seed, processes, batch_size)
    empty = image.new_empty(0, *image.shape)
    return DirectionScores(image, torch.stack(layers) if layers else empty, changes / variance)


def off_diagonal_cos2(grams: Float[Tensor, "latents size size"]) -> Float[Tensor, " latents"]:
    """The mean squared cosine between the changes that two directions make, at each latent.

    0 for an orthogonal Jacobian, 1 where all directions do the same, 0 where there is no pair. All pairs count alike, so
    directions that hardly do anything count as much as the others, and often look orthogonal.
    """
    size = grams.shape[1]
    if size < 2:
        return torch.zeros(len(grams), dtype=torch.float64)
    lengths = grams.diagonal(dim1=1, dim2=2).clamp_min(torch.finfo(grams.dtype).tiny).sqrt()
    cosines = grams / lengths[:, :, None] / lengths[:, None, :]
    off = ~torch.eye(size, dtype=torch.bool, device=grams.device)
    return cosines.square()[:, off].cpu().double().mean(dim=1)


def off_diagonal_share(grams: Float[Tensor, "latents size size"]) -> Float[Tensor, " latents"]:
    """|offdiag(G)|² / |G|² at each latent: what the paper's loss minimizes, relative to the whole Gram matrix.

    0 for an orthogonal Jacobian, 1 - 1/K where K directions do the same. Directions that do nothing change neither; one that
    does far more than the others lowers it, so read it beside `effective_directions`.
    """
    squares = grams.cpu().double().square()
    total = squares.sum(dim=(1, 2))
    diagonal = squares.diagonal(dim1=1, dim2=2).sum(dim=1)
    return torch.where(total > 0, 1 - diagonal / total.clamp_min(torch.finfo(torch.float64).tiny), 0.0)


def effective_directions(grams: Float[Tensor, "latents size size"]) -> Float[Tensor, " latents"]:
    """(sum g_ii)² / sum g_ii² at each latent: K where K directions change the image equally, near 1 where one dominates."""
    diagonal = grams.cpu().double().diagonal(dim1=1, dim2=2)
    return diagonal.sum(dim=1).square() / diagonal.square().sum(dim=1).clamp_min(torch.finfo(torch.float64).tiny)


@torch.no_grad()
def squared_change(
    space: LatentSpace, latent: Latents, moves: Float[Tensor, "moves *latent"], batch_size: int
) -> Float[Tensor, " moves"]:
    """Returns the squared change of one latent's image by each move, averaged over both signs."""
    rows = torch.cat([torch.zeros_like(moves[:1]), moves, -moves])
    still: Tensor | None = None
    changes = []
    with full_precision():
        for part in rows.split(batch_size):
            images = space.outputs(latent, part)[0].flatten(1)
            still = images[:1].clone() if still is None else still
            changes.append((images - still).square().sum(dim=1))
    return torch.cat(changes)[1:].view(2, -1).mean(dim=0)


@torch.no_grad()
def image_variance(generator: Generator, seed: int, processes: Processes, batch_size: int = BATCH_SIZE) -> float:
    """The variance of a generator's images, summed over pixels and channels, from 512 samples."""
    space = LatentSpace(generator, "z")
    latents = space.sample(VARIANCE_SAMPLES, rng(seed, "image variance"))

    def moments(i: int) -> Tensor:
        """Returns the sums of values and of their squares."""
        images = space.images(latents[i * batch_size : (i + 1) * batch_size]).flatten(1).cpu().double()
        return torch.cat([images.sum(dim=0), images.square().sum()[None]])

    sums = processes.sum(-(-len(latents) // batch_size), moments, "measuring the variance of images")
    return (sums[-1] - sums[:-1].square().sum() / len(latents)).item() / (len(latents) - 1)
