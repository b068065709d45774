"""How orthogonal and how active directions are, on latents that no method has seen."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.gram import gram_matrix
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.measures.activity import image_variance, squared_change
from orojar_finetune.measures.orthogonality import squared_cosines
from orojar_finetune.runtime.processes import Processes

SEED_OFFSET = 1 << 20
"""Added to the seed for these latents, so that they differ from those of every method."""
EPSILON = 0.05
BATCH_SIZE = 64


class Scores(NamedTuple):
    """Orthogonality of a set, and the activity of each of its directions."""

    orthogonality: float
    activities: Float[Tensor, " directions"]


class ScoresByLatent(NamedTuple):
    """What the scores are means of."""

    squared_cosines: Float[Tensor, " latents"]
    activities: Float[Tensor, "latents directions"]


def rng(seed: int) -> torch.Generator:
    """Where held-out latents come from."""
    return torch.Generator().manual_seed(seed + SEED_OFFSET)


def scores(
    space: LatentSpace,
    anchors: Anchors,
    steps: Float[Tensor, "directions size"],
    processes: Processes,
    epsilon: float = EPSILON,
    batch_size: int = BATCH_SIZE,
) -> Scores:
    """What steps of one sigma do at anchors; the processes share the work.

    Args:
        epsilon: length of the central differences behind the orthogonality, in steps.
        batch_size: the most images generated at once.
    """
    found = scores_by_latent(space, anchors, steps, processes, epsilon, batch_size)
    return Scores(found.squared_cosines.mean().item(), found.activities.mean(dim=0))


def scores_by_latent(
    space: LatentSpace,
    anchors: Anchors,
    steps: Float[Tensor, "directions size"],
    processes: Processes,
    epsilon: float = EPSILON,
    batch_size: int = BATCH_SIZE,
) -> ScoresByLatent:
    """The same at each anchor: what intervals are drawn from."""

    def gram(i: int) -> Tensor:
        return gram_matrix(space, anchors.rows(slice(i, i + 1)), steps, epsilon, batch_size)

    grams = processes.stack(len(anchors), gram, "measuring orthogonality")
    return ScoresByLatent(squared_cosines(grams), activities_by_latent(space, anchors, steps, processes, batch_size))


def activities_by_latent(
    space: LatentSpace,
    anchors: Anchors,
    steps: Float[Tensor, "directions size"],
    processes: Processes,
    batch_size: int = BATCH_SIZE,
) -> Float[Tensor, "latents directions"]:
    """The activity of each step at each anchor, all over the variance of the same images."""

    def change(i: int) -> Tensor:
        return squared_change(space, anchors.rows(slice(i, i + 1)), steps, batch_size)

    changes = processes.stack(len(anchors), change, "measuring activity")
    return changes / image_variance(space, anchors, batch_size)


def scores_of(generator: Generator, directions: Directions, latents: int, seed: int, processes: Processes) -> Scores:
    """The scores of a direction set on a generator that may not be the one it was found on; its sigmas count as they are.

    Raises:
        ValueError: directions that move different layers.
    """
    space = space_of(generator, directions)
    steps = space.narrow(directions.basis * directions.sigmas[:, None]).to(generator.device)
    return scores(space, space.sample(latents, rng(seed)), steps, processes)


def space_of(generator: Generator, directions: Directions) -> LatentSpace:
    """The space that a direction set lives in.

    Raises:
        ValueError: directions that move different layers.
    """
    if len(set(directions.layers)) > 1:
        raise ValueError(f"all directions must move the same layers, got {sorted(set(map(str, directions.layers)))}")
    whole = directions.space == "w+" and directions.groups is None  # its directions are zero on the layers they leave alone
    return LatentSpace(generator, directions.space, None if whole else directions.layers[0], groups=directions.groups)
