"""One latent space of a generator, as the methods see it: where latents come from, how far is far, what a step changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator

STATISTICS_SAMPLES = 8192


@dataclass(frozen=True)
class Anchors:
    """Latents at which something is measured: rows of z, or of ws with its layers, and their classes."""

    latents: Float[Tensor, "batch *latent"]
    labels: Int[Tensor, " batch"] | None

    def __len__(self) -> int:
        return len(self.latents)

    def rows(self, rows: slice) -> "Anchors":
        """Some of them."""
        return Anchors(self.latents[rows], None if self.labels is None else self.labels[rows])


@dataclass(frozen=True)
class LatentSpace:
    """A space of a generator, moved on a range of layers.

    Attributes:
        generator: frozen while it is looked at.
        name: `z`, `w`, or `w+`, where a step moves every layer by a vector of its own.
        layers: first layer and one past the last that a step moves; None moves all.
        part: of z that a step moves, one of the generator's `latent_ranges`; None moves all.
        groups: in w+ the layers at which a new group begins, after the first: the layers of a group are moved alike, each
            group by a vector of its own. None makes every layer a group.
    """

    generator: Generator
    name: str
    layers: tuple[int, int] | None = None
    part: str | None = None
    groups: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.name not in self.generator.spaces:
            raise ValueError(f"{self.generator.family} has the spaces {self.generator.spaces}, not {self.name!r}")
        if self.name == "z" and self.layers is not None:
            raise ValueError("layers needs the space w or w+: a step in z always moves every layer")
        total = len(self.generator.layers)
        if self.layers is not None and self.layers[1] > total:
            raise ValueError(f"layers {self.layers} reach past the {total} layers of this generator")
        if self.groups is not None and self.name != "w+":
            raise ValueError(f"groups of layers are moved apart in w+ only, not in {self.name}: choose the space w+")
        bounds = [self._rows[0], *(self.groups or ()), self._rows[1]]
        if sorted(set(bounds)) != bounds:
            raise ValueError(
                f"groups must begin between layers {bounds[0]} and {bounds[-1]}, in rising order, got {self.groups}"
            )
        parts = self.generator.latent_ranges
        if self.part is not None and (self.name != "z" or self.part not in parts):
            known = f"z in {', '.join(parts)}" if parts else "no latent"
            raise ValueError(f"part {self.part!r}: {self.generator.family} divides {known}")

    @property
    def coordinates(self) -> slice:
        """The coordinates of one latent, z or the w of one layer, that a step moves."""
        if self.part is not None:
            return slice(*self.generator.latent_ranges[self.part])
        return slice(0, self.generator.latent_size if self.name == "z" else self.generator.w_size)

    @property
    def size(self) -> int:
        """Width of a step."""
        return (self.coordinates.stop - self.coordinates.start) * self._repeats

    @property
    def _repeats(self) -> int:
        """How many latents a step moves apart."""
        return len(self._group_of_row.unique()) if self.name == "w+" else 1

    @property
    def _rows(self) -> tuple[int, int]:
        """First layer and one past the last that a step moves."""
        return self.layers or (0, len(self.generator.layers))

    @property
    def _group_of_row(self) -> Int[Tensor, " rows"]:
        """The group of each layer that a step moves."""
        rows = torch.arange(*self._rows)
        begins = rows[1:] if self.groups is None else torch.tensor(self.groups, dtype=rows.dtype)
        return torch.bucketize(rows, begins, right=True)

    def whole(self, steps: Float[Tensor, "rows size"]) -> Float[Tensor, "rows latent"]:
        """Steps at the full width of a latent, with zeros where they move nothing; in w+ the layers one behind the other."""
        if self.name == "w" or (self.name == "z" and self.part is None):
            return steps
        if self.name == "z":
            full = steps.new_zeros(len(steps), self.generator.latent_size)
            full[:, self.coordinates] = steps
            return full
        full = steps.new_zeros(len(steps), len(self.generator.layers), self.generator.w_size)
        full[:, slice(*self._rows)] = steps.view(len(steps), self._repeats, -1)[:, self._group_of_row.to(steps.device)]
        return full.flatten(1)

    def narrow(self, whole: Float[Tensor, "rows latent"]) -> Float[Tensor, "rows size"]:
        """The steps that are as wide as a latent, without what this space does not move and what it moves alike."""
        if self.name != "w+":
            return whole[:, self.coordinates]
        rows = torch.arange(*self._rows)
        begins = rows[torch.cat([torch.tensor([True]), self._group_of_row.diff() > 0])]
        return whole.unflatten(1, (len(self.generator.layers), -1))[:, begins.to(whole.device)].flatten(1)

    def narrow_units(self, whole: Float[Tensor, "rows latent"]) -> Float[Tensor, "rows size"]:
        """Directions of unit length as wide as a latent, as directions of unit length here: layers moved alike count once."""
        steps = self.narrow(whole)
        return steps if self.groups is None else F.normalize(steps, dim=1)

    def sample(self, count: int, rng: torch.Generator) -> Anchors:
        """Latents as the generator meets them, without truncation."""
        z = self.generator.sample_latents(count, rng)
        labels = self.generator.sample_labels(count, rng)
        if self.name == "z":
            return Anchors(z, labels)
        with torch.no_grad():
            return Anchors(self.generator.map(z, labels), labels)

    def covariance(self, rng: torch.Generator) -> Float[Tensor, "size size"]:
        """The covariance of one latent, exact in z, from 8192 samples in w.

        In w+ that of layers which each follow a latent of their own, as in style mixing: layers that are always equal would
        give a direction that moves them against each other no standard deviation at all.
        """
        of_one = self._covariance_of_one(rng)
        return torch.block_diag(*[of_one] * self._repeats)

    def root(self, rng: torch.Generator) -> Float[Tensor, "size size"]:
        """The symmetric root of the covariance: it makes a step here out of one in whitened coordinates, where sigmas are 1."""
        of_one = self._covariance_of_one(rng)
        values, vectors = torch.linalg.eigh(of_one.cpu())  # not every device can
        root = (vectors * values.clamp_min(0).sqrt() @ vectors.T).to(of_one)
        return torch.block_diag(*[root] * self._repeats)

    def _covariance_of_one(self, rng: torch.Generator) -> Float[Tensor, "latent latent"]:
        """That of the z, or of the w of one layer."""
        if self.name == "z":
            return self.generator.latent_sigma**2 * torch.eye(self.size, device=self.generator.device)
        return torch.cov(self.sample(STATISTICS_SAMPLES, rng).latents[:, 0].T)

    def move(
        self, latents: Float[Tensor, "batch *latent"], steps: Float[Tensor, "batch size"]
    ) -> Float[Tensor, "batch *latent"]:
        """Latents after steps, on the layers of this space alone."""
        if self.name == "z":
            return latents + self.whole(steps)
        if self.name == "w+":
            return latents + self.whole(steps).view(len(steps), *latents.shape[1:])
        first, end = self._rows
        mask = latents.new_zeros(latents.shape[1], 1)
        mask[first:end] = 1
        return latents + steps[:, None] * mask

    def outputs(
        self, anchors: Anchors, steps: Float[Tensor, "rows size"], activations: Sequence[int] = ()
    ) -> list[Float[Tensor, "rows _ _ _"]]:
        """The image, then the named layers' activations, at moved anchors.

        Args:
            anchors: repeated as a block as often as there are steps for them: row r belongs to anchor r modulo their number.
            steps: what is added to each.
        """
        repeats = len(steps) // len(anchors)
        latents = anchors.latents.repeat(repeats, *[1] * (anchors.latents.ndim - 1))
        labels = None if anchors.labels is None else anchors.labels.repeat(repeats)
        moved = self.move(latents, steps)
        ws = self.generator.map(moved, labels) if self.name == "z" else moved
        image, kept = self.generator.synthesize_with_activations(ws, activations, "const", labels)
        return [image, *kept]
