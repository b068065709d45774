"""A picture as a small JSON: what to show of which model, so that the same machine makes it again bit for bit."""

import logging
import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

from jaxtyping import Float
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.editing import latents_of_seeds, one_by_one
from orojar_finetune.runtime.atomic import replacing

log = logging.getLogger("orojar")

LARGEST = 2**20
"""Bytes of a recipe's file."""
LAST_SEED = 2**32 - 1
Index = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class Recipe:
    """What a picture shows.

    Attributes:
        model: a path, `user/repo` or a file on the Hub.
        seeds: one image each.
        revision: the commit on the Hub.
        weights: digest of the generator's weights; None means whatever they are.
        truncation: psi, 1 as trained, 0 the mean image.
        noise: `const`, `none` or a seed: what repeats.
        label: class index of all images; None lets each seed draw its own.
        direction_set: its name; None means the default, or none where nothing is edited.
        directions: digest of that set; None means whatever they are.
        edits: strengths in sigmas by the name of the direction.
        format: of the file.

    Raises:
        ValueError: a value that no picture has.
    """

    model: str
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, le=LAST_SEED)], ...], Field(min_length=1)]
    revision: str | None = None
    weights: str | None = None
    truncation: Number = 1.0
    noise: Literal["const", "none"] | Index = "const"
    label: Index | None = None
    direction_set: str | None = None
    directions: str | None = None
    edits: Mapping[str, Number] = field(default_factory=dict)
    format: Literal[1] = 1

    def save(self, path: str | os.PathLike) -> None:
        """Writes it as JSON, whole or not at all."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8")

    def to_json(self) -> str:
        """As it stands in its file."""
        return TypeAdapter(Recipe).dump_json(self, indent=1).decode() + "\n"

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Recipe":
        """A recipe out of its file.

        Raises:
            ValueError: no recipe, or one of a later format.
        """
        path = Path(path)
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name} is no recipe: it is larger than {LARGEST} bytes")
        try:
            return TypeAdapter(Recipe).validate_json(path.read_bytes())
        except ValidationError as e:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc'][:2])) or 'the file'}: {one['msg']}" for one in e.errors()[:3])
            raise ValueError(f"{path.name} is no recipe: {wrong}") from e

    def images(
        self, generator: Generator, directions: Directions | None = None
    ) -> Float[Tensor, "seeds channels height width"]:
        """The pictures, nominally in [-1, 1]. Says so when weights or directions are not those it was made with.

        Args:
            generator: of the model.
            directions: the set that is named, where something is edited.

        Raises:
            ValueError: a direction or class that is not there.
        """
        for said in self.differences(generator, directions):
            log.warning("%s", said)
        z, labels = latents_of_seeds(generator, list(self.seeds), self.label)
        edits: dict[int | str, float] = dict(self.edits)
        return one_by_one(generator, z, directions, edits, labels, self.truncation, self.noise)

    def differences(self, generator: Generator, directions: Directions | None) -> list[str]:
        """Why the picture may look different from the one that was saved, one sentence each."""
        said = []
        if self.weights is not None and self.weights != fingerprint(generator):
            said.append(f"these are not the weights of {self.model} that the recipe was made with")
        if self.edits and directions is not None and self.directions not in (None, directions.digest):
            said.append(f"the directions {self.direction_set!r} have changed since the recipe was made")
        return said


def fingerprint(generator: Generator) -> str:
    """The beginning of a digest of a generator's weights."""
    return generator.fingerprint()
