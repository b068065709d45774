"""Recipes: everything that is needed to generate an image again, bit for bit on the same machine, as a small JSON file."""

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
"""Bytes that a recipe's file may have."""
LAST_SEED = 2**32 - 1
Index = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class Recipe:
    """What is needed to generate some images again.

    Attributes:
        model: a path, `user/repo` or a file on the Hub.
        seeds: one image per seed.
        revision: commit on the Hub.
        weights: fingerprint of the generator's weights; None accepts any.
        truncation: psi; 1 is none, 0 gives the mean image.
        noise: `const`, `none` or a seed; random noise cannot be reproduced.
        label: class index of all images; None lets each seed draw its own.
        direction_set: name of the set; None means the default, or that nothing is edited.
        directions: digest of that set; None accepts any.
        edits: strengths in sigmas by the name of the direction.
        format: version of the file's format.

    Raises:
        ValueError: a field of the wrong type or out of its range.
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
        """Writes the recipe as JSON, complete or not at all."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8")

    def to_json(self) -> str:
        """Returns the text of the recipe's file."""
        return TypeAdapter(Recipe).dump_json(self, indent=1).decode() + "\n"

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Recipe":
        """Reads a recipe from its file.

        Raises:
            ValueError: the file is not a recipe, or one of a later format.
        """
        path = Path(path)
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name} is not a recipe: it is larger than {LARGEST:,} bytes")
        try:
            return TypeAdapter(Recipe).validate_json(path.read_bytes())
        except ValidationError as e:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc'][:2])) or 'the file'}: {one['msg']}" for one in e.errors()[:3])
            raise ValueError(f"{path.name} is not a valid recipe: {wrong}") from e

    def images(
        self, generator: Generator, directions: Directions | None = None
    ) -> Float[Tensor, "seeds channels height width"]:
        """Generates the images, nominally in [-1, 1]; logs a warning where weights or directions have changed.

        Args:
            generator: that of the recipe's model.
            directions: the set that the recipe names, where it has edits.

        Raises:
            ValueError: a direction or class that does not exist.
        """
        for difference in self.differences(generator, directions):
            log.warning("%s", difference)
        z, labels = latents_of_seeds(generator, list(self.seeds), self.label)
        edits: dict[int | str, float] = dict(self.edits)
        return one_by_one(generator, z, directions, edits, labels, self.truncation, self.noise)

    def differences(self, generator: Generator, directions: Directions | None) -> list[str]:
        """Returns why an image may differ from the one that was saved, a sentence for each reason."""
        reasons = []
        if self.weights is not None and self.weights != fingerprint(generator):
            reasons.append(f"these are not the weights of {self.model} that the recipe was made with")
        if self.edits and directions is not None and self.directions not in (None, directions.digest):
            reasons.append(f"the directions {self.direction_set!r} have changed since the recipe was made")
        return reasons


def fingerprint(generator: Generator) -> str:
    """Returns the beginning of a digest of a generator's weights."""
    return generator.fingerprint()
