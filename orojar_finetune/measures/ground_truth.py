"""What directions do to the true factors of scenes, in a few numbers."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.effects import disentanglement_completeness, effect_matrix, unmoved
from orojar_finetune.scenes.reader import load_reader


@dataclass(frozen=True)
class GroundTruth:
    """Directions against true factors.

    Attributes:
        disentanglement: whether each direction moves one factor, in [0, 1].
        completeness: whether each factor is moved by one direction, in [0, 1].
        unmoved: factors that no direction moves.
        effects: mean squared change of each factor by one sigma of each direction, in variances of the factor.
    """

    disentanglement: float
    completeness: float
    unmoved: tuple[str, ...]
    effects: Float[Tensor, "directions factors"]


def ground_truth(generator: Generator, directions: Directions, latents: int = 256, seed: int = 0) -> GroundTruth:
    """Directions of a generator of scenes against the factors that scenes are made of.

    Args:
        latents: at which steps of one sigma are taken.
    """
    effects = effect_matrix(generator, directions, load_reader(generator.device), latents, seed)
    disentanglement, completeness = disentanglement_completeness(effects)
    return GroundTruth(disentanglement, completeness, tuple(unmoved(effects)), effects)
