"""Direction sets: what a slider needs to know, applied to latents, saved and loaded."""

import dataclasses
import hashlib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from orojar_adapters import CheckpointError
from orojar_adapters.opening.source import Source, find_folder
from orojar_finetune.latents import directions_file

Layers = tuple[int, int] | None
SPACES = ("z", "w", "w+")


@dataclass(frozen=True, eq=False)
class Directions:
    """Unit directions of one latent space, most active first.

    Attributes:
        basis: one direction a row, of unit length; in w+ the layers one behind the other.
        sigmas: standard deviation of the latent along each; strengths are given in these.
        space: `z`, `w` (a vector for all layers), or `w+` (one for each).
        method: what found them.
        names: what a slider is called.
        layers: for each the first layer and one past the last that it moves; None moves all.
        activity: for each the mean squared change of the image by a step of one sigma, over the variance of the images; two
            unrelated images differ by 2. NaN where it is not known.
        groups: in w+ the layers at which a new group begins, after the first, where the layers of a group are moved alike; None
            where each is moved its own way.
        scores: of the whole set, on held-out latents: `orthogonality` (mean squared off-diagonal cosine) and `activity`.
        provenance: base model, revision, seed and config.
        fingerprint: of the weights that they were found or measured on; None where that is not known.

    Raises:
        ValueError: parts that do not fit each other, or values that move nothing anywhere.
    """

    basis: Float[Tensor, "directions latent"]
    sigmas: Float[Tensor, " directions"]
    space: str
    method: str
    names: tuple[str, ...]
    layers: tuple[Layers, ...]
    activity: tuple[float, ...]
    groups: tuple[int, ...] | None = None
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
        """Tells sets apart by what they do to a latent, not by their names."""
        digest = hashlib.sha256(repr((self.space, self.layers)).encode())
        for tensor in self._tensors().values():
            digest.update(tensor.float().numpy().tobytes())
        return digest.hexdigest()[:12]

    @property
    def known_activity(self) -> dict[str, float]:
        """The activity of each direction by its name, of those that were measured."""
        pairs = zip(self.names, self.activity, strict=True)
        return {name: activity for name, activity in pairs if not math.isnan(activity)}

    def _tensors(self) -> dict[str, Tensor]:
        return {"basis": self.basis.contiguous().cpu(), "sigmas": self.sigmas.contiguous().cpu()}

    def index(self, key: int | str) -> int:
        """The row of a direction by number or name.

        Raises:
            ValueError: no such direction; lists those there are.
        """
        if isinstance(key, str):
            if key in self.names:
                return self.names.index(key)
            raise ValueError(f"no direction is called {key!r}; there are {', '.join(self.names)}")
        if not 0 <= key < len(self):
            raise ValueError(f"direction must be 0..{len(self) - 1}, got {key}")
        return key

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
        moved = latents.clone()
        for key, strength in strengths.items():
            i = self.index(key)
            step = (strength * self.sigmas[i] * self.basis[i]).to(latents)
            first, end = self.layers[i] or (0, latents.shape[1])
            if self.space == "w" and end > latents.shape[1]:
                raise ValueError(f"{self.names[i]!r} moves layers {first} to {end - 1}, there are {latents.shape[1]}")
            if self.space == "z":
                moved += step
            elif self.space == "w+":
                moved += step.view(latents.shape[1:])
            else:
                moved[:, first:end] += step
        return moved

    def rename(self, names: Mapping[int | str, str]) -> "Directions":
        """The same directions under other names, as in `{0: "hue"}`."""
        new = list(self.names)
        for key, name in names.items():
            new[self.index(key)] = name
        return dataclasses.replace(self, names=tuple(new))

    def take(self, keys: Iterable[int | str]) -> "Directions":
        """Some of the directions, in the order named; the scores, which are of the whole set, are left out."""
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
        """The same directions for other weights, on which nothing is known of what they do."""
        return dataclasses.replace(self, activity=(math.nan,) * len(self), scores={})

    def active(self, least: float) -> "Directions":
        """Those at least this part as active as the most active one, but never fewer than two; all where it is unknown."""
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
                groups=None if described.get("groups") is None else tuple(map(int, described["groups"])),
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
