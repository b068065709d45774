"""Coordinates of latents along directions, read and set, and the axes of z as directions."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import STATISTICS_SAMPLES, LatentSpace
from orojar_finetune.latents.moves import as_moves, moved


@dataclass(frozen=True)
class Coordinates:
    """Coordinates along directions, in sigmas from the mean latent.

    Computed in float64 on the CPU, so that a coordinate that was set is exact in the latent's own precision.

    Attributes:
        directions: setting one coordinate leaves what is orthogonal to its direction.
        center: the mean latent, in w+ of all layers concatenated.
    """

    directions: Directions
    center: Float[Tensor, " latent"]

    @classmethod
    def of(cls, generator: Generator, directions: Directions, rng: torch.Generator) -> "Coordinates":
        """Coordinates around the mean of the generator's latents: 0 in z, from 8192 samples of all classes in w."""
        space = LatentSpace(generator, directions.space)
        if space.name == "z":
            return cls(directions, torch.zeros(generator.latent_size, dtype=torch.float64))
        rows = _rows(space.sample(STATISTICS_SAMPLES, rng).values, space.name)
        return cls(directions, rows[:, 0].mean(dim=0))

    def read(self, latents: Float[Tensor, "batch *latent"]) -> Float[Tensor, "batch directions"]:
        """The coordinates of latents, on the CPU; 0 along directions whose sigma is 0.

        Args:
            latents: z or ws, as the directions' space has them; of ws each direction reads the first layer that it moves.
        """
        first = [layers[0] if layers else 0 for layers in self.directions.layers]
        rows = _rows(latents, self.directions.space)[:, first] - self.center
        along = (rows * self._basis).sum(dim=2)
        return torch.where(self._sigmas > 0, along / self._sigmas, 0.0)

    def set(
        self, latents: Float[Tensor, "batch *latent"], which: Int[Tensor, " batch"], values: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch *latent"]:
        """Latents with one coordinate each replaced, on the layers that its direction moves.

        Args:
            which: the direction of each latent.
            values: what its coordinate becomes, in sigmas.
        """
        chosen = F.one_hot(which.cpu(), len(self.directions))
        strengths = chosen * (values.cpu().double()[:, None] - self.read(latents))
        steps = self._basis * self._sigmas[:, None]
        moves = as_moves(steps, self.directions.space, latents.shape[1], self.directions.layers)
        return moved(latents.detach().cpu().double(), moves, strengths).to(latents)

    @property
    def _basis(self) -> Tensor:
        return self.directions.basis.cpu().double()

    @property
    def _sigmas(self) -> Tensor:
        return self.directions.sigmas.cpu().double()


def latent_axes(generator: Generator, part: str | None = None) -> Directions:
    """The coordinate axes of z as a direction set, not measured.

    Args:
        part: one of the generator's `latent_ranges`; None takes all of z.

    Raises:
        ValueError: a part that this generator does not have.
    """
    space = LatentSpace(generator, "z", part=part)
    numbers = range(generator.latent_size)[space.coordinates]
    count = len(numbers)
    return Directions(
        basis=torch.eye(generator.latent_size)[space.coordinates],
        sigmas=torch.full((count,), generator.latent_sigma),
        space="z",
        method="axes",
        names=tuple(f"z {i}" for i in numbers),
        layers=(None,) * count,
        activity=(float("nan"),) * count,
    )


def is_all_of_z(directions: Directions, generator: Generator) -> bool:
    """Whether these are the coordinate axes of z, all of them and in their order."""
    return directions.space == "z" and torch.equal(directions.basis.cpu(), torch.eye(generator.latent_size))


def _rows(latents: Tensor, space: str) -> Tensor:
    """Latents as rows of layers, which directions move alike; of z and of w+ there is one."""
    values = latents.detach().cpu().double()
    return values if space == "w" else values.flatten(1)[:, None]
