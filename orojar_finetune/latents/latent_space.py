"""One latent space of a generator: sampled latents, their covariance, and what the generator makes of moved latents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from orojar_adapters import Generator, Noise
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.moves import as_moves

STATISTICS_SAMPLES = 8192


@dataclass(frozen=True)
class Latents:
    """A batch of latents: rows of z, or of ws with their layers, and the classes that belong to them."""

    values: Float[Tensor, "batch *latent"]
    labels: Int[Tensor, " batch"] | None

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice) -> "Latents":
        return Latents(self.values[rows], None if self.labels is None else self.labels[rows])

    def edited(self, directions: Directions, strengths: Mapping[int | str, float]) -> "Latents":
        """The latents moved along directions, as by `Directions.apply`."""
        return Latents(directions.apply(self.values, strengths), self.labels)


@dataclass(frozen=True)
class LatentSpace:
    """A latent space of a generator, or the layers or coordinates of it that may move.

    A step is a vector of the coordinates that may move; `moves` turns steps into what they add to a latent.

    Attributes:
        generator: frozen in the meantime.
        name: `z`, `w`, or `w+`, where a step moves every layer by a vector of its own.
        layers: first layer and one past the last that a step moves; None moves all.
        part: the part of z that a step moves, one of the generator's `latent_ranges`; None moves all of z.

    Raises:
        ValueError: a space, layers or a part that the generator does not have.
    """

    generator: Generator
    name: str
    layers: tuple[int, int] | None = None
    part: str | None = None

    def __post_init__(self) -> None:
        if self.name not in self.generator.spaces:
            raise ValueError(f"{self.generator.family} has the spaces {self.generator.spaces}, not {self.name!r}")
        if self.name == "z" and self.layers is not None:
            raise ValueError("layers needs the space w or w+: a step in z always moves every layer")
        total = len(self.generator.layers)
        if self.layers is not None and self.layers[1] > total:
            raise ValueError(f"layers {self.layers} reach past the {total} layers of this generator")
        parts = self.generator.latent_ranges
        if self.part is not None and (self.name != "z" or self.part not in parts):
            known = f"divides z into {', '.join(parts)}" if parts else "does not divide its z"
            raise ValueError(f"part {self.part!r}: {self.generator.family} {known}")

    @property
    def coordinates(self) -> slice:
        """The coordinates of one latent, z or the w of one layer, that a step moves."""
        if self.part is not None:
            return slice(*self.generator.latent_ranges[self.part])
        return slice(0, self.generator.latent_size if self.name == "z" else self.generator.w_size)

    @property
    def size(self) -> int:
        """The number of values in a step."""
        return (self.coordinates.stop - self.coordinates.start) * self._repeats

    @property
    def _repeats(self) -> int:
        """The number of independent vectors in a step."""
        first, end = self._range
        return end - first if self.name == "w+" else 1

    @property
    def _range(self) -> tuple[int, int]:
        return self.layers or (0, len(self.generator.layers))

    def whole(self, steps: Float[Tensor, "rows size"]) -> Float[Tensor, "rows latent"]:
        """Steps at the full width of a latent, as in `Directions.basis`: zeros for what they do not move."""
        if self.name == "w" or (self.name == "z" and self.part is None):
            return steps
        if self.name == "z":
            full = steps.new_zeros(len(steps), self.generator.latent_size)
            full[:, self.coordinates] = steps
            return full
        full = steps.new_zeros(len(steps), len(self.generator.layers), self.generator.w_size)
        full[:, slice(*self._range)] = steps.unflatten(1, (self._repeats, -1))
        return full.flatten(1)

    def moves(self, steps: Float[Tensor, "rows size"]) -> Float[Tensor, "rows *latent"]:
        """What steps add to a latent, on the layers of this space alone."""
        return as_moves(self.whole(steps), self.name, len(self.generator.layers), [self.layers] * len(steps))

    def sample(self, count: int, rng: torch.Generator) -> Latents:
        """Latents as the generator draws them, without truncation."""
        z, labels = self.generator.sample_latents(count, rng), self.generator.sample_labels(count, rng)
        return self.of_z(Latents(z, labels))

    @torch.no_grad()
    def batches(self, count: int, rng: torch.Generator, batch_size: int) -> Iterator[Latents]:
        """The latents of `sample`, a batch at a time, so that ws of many layers are never all in memory.

        Raises:
            ValueError: no latents.
        """
        if count < 1:
            raise ValueError(f"latents must be at least 1, got {count}")
        z = Latents(self.generator.sample_latents(count, rng), self.generator.sample_labels(count, rng))
        for start in range(0, count, batch_size):
            yield self.of_z(z[start : start + batch_size])

    @torch.no_grad()
    def of_z(self, latents: Latents) -> Latents:
        """Latents in z as latents in this space."""
        if self.name == "z":
            return latents
        return Latents(self.generator.map(latents.values, latents.labels), latents.labels)

    def covariance(self, rng: torch.Generator) -> Float[Tensor, "size size"]:
        """The covariance of one latent: exact in z, from 8192 samples in w.

        In w+ the layers count as independent of each other, as under style mixing. They are equal otherwise, and a direction
        that moves them against each other would have a standard deviation of 0.
        """
        return torch.block_diag(*[self._covariance_of_one(rng)] * self._repeats)

    def _covariance_of_one(self, rng: torch.Generator) -> Float[Tensor, "latent latent"]:
        """The covariance of z, or of the w of one layer."""
        if self.name == "z":
            return self.generator.latent_sigma**2 * torch.eye(self.size, device=self.generator.device)
        return torch.cov(self.sample(STATISTICS_SAMPLES, rng).values[:, 0].T)

    def sigmas(self, steps: Float[Tensor, "rows size"], rng: torch.Generator) -> Float[Tensor, " rows"]:
        """The standard deviation of latents along unit vectors."""
        return (steps @ self.covariance(rng) * steps).sum(dim=1).clamp_min(0).sqrt()

    def outputs(
        self,
        latents: Latents,
        moves: Float[Tensor, "rows *latent"],
        activations: Sequence[int] = (),
        noise: Noise = "const",
    ) -> list[Float[Tensor, "rows _ _ _"]]:
        """The image, then the activations of the named layers, of moved latents.

        Args:
            latents: repeated as a block, as often as there are moves for each: row r moves latent r modulo their number.
            moves: what is added to each.
        """
        repeats = len(moves) // len(latents)
        values = latents.values.repeat(repeats, *[1] * (latents.values.ndim - 1)) + moves
        labels = None if latents.labels is None else latents.labels.repeat(repeats)
        ws = self.generator.map(values, labels) if self.name == "z" else values
        image, kept = self.generator.synthesize_with_activations(ws, activations, noise, labels)
        return [image, *kept]

    @torch.no_grad()
    def images(self, latents: Latents) -> Float[Tensor, "batch channels height width"]:
        """The images of latents in float32, nominally in [-1, 1], not clamped."""
        return self.outputs(latents, torch.zeros_like(latents.values))[0].float()


def by_latent(
    space: LatentSpace, count: int, rng: torch.Generator, batch_size: int, measure: Callable[[Latents], Tensor]
) -> Float[Tensor, "latents ..."]:
    """Stacks what a measure returns for each sampled latent, on the CPU.

    Args:
        batch_size: latents at a time.
        measure: takes a batch of latents, returns one row for each.

    Raises:
        ValueError: no latents.
    """
    return torch.cat([measure(latents).cpu() for latents in space.batches(count, rng, batch_size)])
