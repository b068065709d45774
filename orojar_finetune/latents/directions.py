"""Direction sets: everything a slider needs, applied to latents, saved and loaded."""

import dataclasses
import hashlib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import CheckpointError
from orojar_adapters.opening.source import Source, find_folder
from orojar_finetune.latents import directions_file
from orojar_finetune.latents.moves import Layers, as_moves, moved

SPACES = ("z", "w", "w+")


@dataclass(frozen=True, eq=False)
class Directions:
    """Unit directions of one latent space, most active first.

    Attributes:
        basis: one direction per row, of unit length; in w+ the layers concatenated.
        sigmas: standard deviation of the latent along each direction; strengths are in these.
        space: `z`, `w` (one vector for all layers), or `w+` (one for each layer).
        method: the method that found them.
        names: one per direction, shown at its slider.
        layers: for each direction the first layer and one past the last that it moves; None moves all.
        activity: for each direction the mean squared change of the image by a step of one sigma, over the variance of the
            images; two unrelated images differ by 2. NaN where it is not known.
        scores: of the whole set on held-out latents: `off_diagonal_cos2`, `off_diagonal_share`, `effective_directions` and
            `activity`, as `measure_directions` defines them.
        provenance: base model, revision, seed and config.
        fingerprint: of the weights that they were found or measured on; None where that is not known.

    Raises:
        ValueError: fields of different lengths, or values that no direction can have.
    """

    basis: Float[Tensor, "directions latent"]
    sigmas: Float[Tensor, " directions"]
    space: str
    method: str
    names: tuple[str, ...]
    layers: tuple[Layers, ...]
    activity: tuple[float, ...]
    scores: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        counts = {len(self.basis), len(self.sigmas), len(self.names), len(self.layers), len(self.activity)}
        if self.basis.ndim != 2 or len(counts) != 1:
            raise ValueError(f"every direction needs a sigma, a name, layers and an activity, got counts {sorted(counts)}")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"direction names must differ, got {self.names}")
        if self.space not in SPACES:
            raise ValueError(f"space must be one of {', '.join(SPACES)}, got {self.space!r}")
        if not (self.basis.isfinite().all() and self.sigmas.isfinite().all()):
            raise ValueError("directions and their sigmas must be finite")
        for layers in self.layers:
            if layers is not None and not 0 <= layers[0] < layers[1]:
                raise ValueError(f"layers are the first and one past the last, as in (0, 4), got {layers}")

    def __len__(self) -> int:
        return len(self.basis)

    @property
    def digest(self) -> str:
        """A hash of what the set does to latents; names do not count."""
        digest = hashlib.sha256(repr((self.space, self.layers)).encode())
        for tensor in self._tensors().values():
            digest.update(tensor.float().numpy().tobytes())
        return digest.hexdigest()[:12]

    @property
    def known_activity(self) -> dict[str, float]:
        """Activity by name, of the directions that were measured."""
        pairs = zip(self.names, self.activity, strict=True)
        return {name: activity for name, activity in pairs if not math.isnan(activity)}

    def _tensors(self) -> dict[str, Tensor]:
        return {"basis": self.basis.contiguous().cpu(), "sigmas": self.sigmas.contiguous().cpu()}

    def index(self, key: int | str) -> int:
        """The row of a direction, by its number or name.

        Raises:
            ValueError: no such direction.
        """
        if isinstance(key, str):
            if key in self.names:
                return self.names.index(key)
            raise ValueError(f"no direction is called {key!r}; there are {', '.join(self.names)}")
        if not 0 <= key < len(self):
            raise ValueError(f"direction must be 0..{len(self) - 1}, got {key}")
        return key

    def moves(self, layers: int) -> Float[Tensor, "directions *latent"]:
        """Returns what one sigma along each direction adds to a latent.

        Args:
            layers: of the generator; z has none.

        Raises:
            ValueError: a direction on layers that the generator does not have.
        """
        return as_moves(self.basis * self.sigmas[:, None], self.space, layers, self.layers)

    def apply(
        self, latents: Float[Tensor, "batch *latent"], strengths: Mapping[int | str, float]
    ) -> Float[Tensor, "batch *latent"]:
        """Latents moved along directions.

        Args:
            latents: z (batch, latent) for directions in z, ws (batch, layers, latent) for directions in w or w+.
            strengths: sigmas by direction number or name, as in `{0: +2.0, "hue": -1.0}`.

        Raises:
            ValueError: an unknown direction, or latents of another space.
        """
        wanted = 2 if self.space == "z" else 3
        width = math.prod(latents.shape[1:]) if self.space == "w+" else latents.shape[-1]
        if latents.ndim != wanted or width != self.basis.shape[1]:
            raise ValueError(
                f"directions in {self.space} of width {self.basis.shape[1]} move latents of {wanted} dimensions, "
                f"got the shape {tuple(latents.shape)}"
            )
        by_row: dict[int, float] = {}
        for key, strength in strengths.items():
            by_row[self.index(key)] = by_row.get(self.index(key), 0.0) + strength
        if not by_row:
            return latents.clone()
        moves = self.take(by_row).moves(latents.shape[1])
        return moved(latents, moves, torch.tensor([*by_row.values()], dtype=moves.dtype))

    def rename(self, names: Mapping[int | str, str]) -> "Directions":
        """The same directions under other names, as in `{0: "hue"}`."""
        new = list(self.names)
        for key, name in names.items():
            new[self.index(key)] = name
        return dataclasses.replace(self, names=tuple(new))

    def take(self, keys: Iterable[int | str]) -> "Directions":
        """Some of the directions, in the given order, without scores: those are of the whole set."""
        rows = [self.index(key) for key in keys]
        return dataclasses.replace(
            self,
            basis=self.basis[rows],
            sigmas=self.sigmas[rows],
            names=tuple(self.names[i] for i in rows),
            layers=tuple(self.layers[i] for i in rows),
            activity=tuple(self.activity[i] for i in rows),
            scores={},
        )

    def unmeasured(self) -> "Directions":
        """The same directions without activity and scores, for weights on which they were not measured."""
        return dataclasses.replace(self, activity=(math.nan,) * len(self), scores={})

    def active(self, least: float) -> "Directions":
        """The directions with at least this fraction of the highest activity, never fewer than two; all if any is NaN."""
        if any(map(math.isnan, self.activity)):
            return self
        most = sorted(self.activity, reverse=True)[:2]
        bound = min(least * most[0], most[-1])
        return self.take(i for i, activity in enumerate(self.activity) if activity >= bound)

    def save(self, folder: str | os.PathLike, name: str | None = None) -> None:
        """Writes the set into a folder as its default, beside the sets of other names that are there.

        Args:
            name: of the set; None means its method. A set of the same name is replaced.

        Raises:
            CheckpointError: sets that are there and cannot be read.
        """
        tensors = self._tensors()
        described = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in tensors}
        described["activity"] = [None if math.isnan(activity) else activity for activity in self.activity]
        directions_file.write(
            Path(folder).expanduser(), name or self.method, f"{name or self.method}.{self.digest}", tensors, described
        )

    @classmethod
    def load(cls, source: str | os.PathLike, name: str | None = None, revision: str | None = None) -> "Directions":
        """A direction set of a folder or of a repository on the Hub, whatever weights it belongs to.

        `open_source(...).directions()` compares it with the weights beside it.

        Args:
            name: of the set; None means the default, which was written last.
            revision: branch, tag or commit on the Hub.

        Raises:
            CheckpointError: no directions there, damaged ones, or no set of that name.
        """
        return cls.read(find_folder(source, revision), name)

    @classmethod
    def read(cls, source: Source, name: str | None = None) -> "Directions":
        """A direction set of a source that was found; errors as in `load`."""
        tensors, described = directions_file.read(source, name)
        try:
            return cls(
                basis=tensors["basis"],
                sigmas=tensors["sigmas"],
                space=str(described["space"]),
                method=str(described["method"]),
                names=tuple(map(str, described["names"])),
                layers=tuple((int(pair[0]), int(pair[1])) if pair else None for pair in described["layers"]),
                activity=tuple(math.nan if activity is None else float(activity) for activity in described["activity"]),
                scores={str(key): float(value) for key, value in described.get("scores", {}).items()},
                provenance=dict(described.get("provenance", {})),
                fingerprint=None if described.get("fingerprint") is None else str(described["fingerprint"]),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as e:
            raise CheckpointError(f"the directions of {source.text} are damaged ({type(e).__name__}: {e})") from e

    @staticmethod
    def list(source: str | os.PathLike, revision: str | None = None) -> list[str]:
        """The names of the sets in a folder or repository, the first being the default; none where there are none."""
        return directions_file.names(find_folder(source, revision))
