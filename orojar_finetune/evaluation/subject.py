"""The subject of an evaluation: a generator, its directions, and the real images that it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.config import EvaluateConfig
from orojar_finetune.discovery.discovering import check_activations
from orojar_finetune.images.real_images import RealImages
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.bootstrap import interval, interval_of, mean
from orojar_finetune.measures.direction_set import DirectionScores
from orojar_finetune.measures.distances import Distance, load_distance
from orojar_finetune.measures.features import Extractor, load_features
from orojar_finetune.measures.findings import Figure
from orojar_finetune.runtime import reproducible
from orojar_finetune.training.jacobian_penalty import outputs

BATCH = 64
FIRST = 1 << 41
"""Step of the first real images here: none that a training or its validation uses."""
COSTLY = 200
"""Resamples of statistics that take many milliseconds each; of others a thousand."""


class Missing(ValueError):  # noqa: N818
    """Raised if a subject lacks what a measure needs."""


@dataclass(frozen=True)
class Subject:
    """A generator with one direction set.

    Attributes:
        name: of its column.
        generator: frozen, on the device where everything is computed.
        directions: None where there are none.
        real_images: None where there are none to compare with.
        config: what is measured.
        scores: of the directions, if they are known.
    """

    name: str
    generator: Generator
    directions: Directions | None
    real_images: RealImages | None
    config: EvaluateConfig
    scores: DirectionScores | None = None

    def rng(self, measure: str) -> torch.Generator:
        """Random numbers for a measure: the same for every subject of a seed, so that all are measured at the same latents."""
        return reproducible.rng(self.config.seed, "evaluation", measure)

    def need_directions(self) -> Directions:
        """Returns the directions.

        Raises:
            Missing: there are none.
        """
        if self.directions is None:
            raise Missing("there are no directions: find some with `orojar discover`")
        return self.directions

    def check(self) -> None:
        """Loads everything that the measures need, so that what is not available is refused before the first of them runs.

        Raises:
            ValueError: features or a distance that are not available, or layers that the generator does not have.
        """
        measures = set(self.config.measures)
        check_activations(self.generator, self.config.activations or ())
        if "preservation" in measures or ("fidelity" in measures and self.real_images is not None):
            _ = self.chosen
        if "preservation" in measures:
            _ = self.recognizer
        if measures & {"path-length", "traversal"}:
            _ = self.distance

    @cached_property
    def chosen(self) -> tuple[str, Extractor, str]:
        """The name of the features, their network, and a note on the choice.

        Raises:
            ValueError: features that are not available.
        """
        device, wanted = self.generator.device, self.config.features
        if wanted != "auto":
            return wanted, load_features(wanted, device), ""
        if self.real_images is None or self.real_images.features != "random":
            fitting = "random" if self.real_images is None else self.real_images.features
            return fitting, load_features(fitting, device), ""
        try:
            return "inception", load_features("inception", device), ""
        except ValueError as e:
            return "random", load_features("random", device), f" Inception's are not available: {e}."

    @property
    def extractor(self) -> Extractor:
        """The network that images are compared by; raises as `chosen`."""
        return self.chosen[1]

    @cached_property
    def recognizer(self) -> Extractor | None:
        """The network that recognizes identities, if one was named.

        Raises:
            ValueError: features that are not available.
        """
        return None if self.config.identity is None else load_features(self.config.identity, self.generator.device)

    @cached_property
    def distance(self) -> Distance:
        """The image distance for path lengths.

        Raises:
            ValueError: a distance that is not available.
        """
        return load_distance(self.config.distance, self.generator.device)

    @property
    def activations(self) -> tuple[int, ...]:
        """The layers that are measured in addition to the image."""
        named = self.config.activations
        return tuple(outputs(self.generator, ("layers",))[1]) if named is None else named

    def features_note(self, what: str) -> str:
        """A sentence on the features."""
        name, _, why = self.chosen
        return f"{what} the features {name!r}.{why}"

    @property
    def distance_note(self) -> str:
        """A sentence on the distance."""
        return f"Path and traversal lengths are in the distance {self.config.distance!r}; other distances have other units."

    def real_features(self, extract: Extractor) -> Float[Tensor, "images features"]:
        """Features of real images.

        Raises:
            Missing: there are none.
        """
        real_images = self.real_images
        if real_images is None:
            raise Missing("there are no real images to compare with: name some with --data")
        count = self.config.images
        starts = range(0, count, BATCH)
        batches = (real_images.batch(FIRST + i, BATCH, slice(0, BATCH))[0] for i in range(len(starts)))
        return torch.cat([extract(images.to(self.generator.device)).cpu() for images in batches])[:count]

    @torch.no_grad()
    def generated_features(self, extract: Extractor) -> Float[Tensor, "images features"]:
        """Features of as many of the generator's own images, without truncation."""
        count, rng = self.config.images, self.rng("images")
        z, labels = self.generator.sample_latents(count, rng), self.generator.sample_labels(count, rng)
        features = []
        for start in range(0, count, BATCH):
            rows = slice(start, start + BATCH)
            features.append(extract(self.generator(z[rows], None if labels is None else labels[rows])).cpu())
        return torch.cat(features)


def figure(
    values: Float[Tensor, "latents *shape"], subject: Subject, statistic: Callable[[Tensor], Tensor | float] = mean
) -> Figure:
    """A statistic of per-latent values, by default their mean, with its 95 % interval."""
    return Figure(*map(float, interval(values, statistic, rng=subject.rng("intervals"))))


def figure_of(
    statistic: Callable[[Int[Tensor, " rows"]], Tensor | float], rows: int, subject: Subject, centered: bool = True
) -> Figure:
    """A costly statistic of row indices, with its 95 % interval; `centered` as in `interval_of`."""
    ends = interval_of(statistic, rows, rng=subject.rng("intervals"), resamples=COSTLY, centered=centered)
    return Figure(*map(float, ends))


def of_directions(
    values: Float[Tensor, "latents directions"], subject: Subject, statistic: Callable[[Tensor], Tensor] = mean
) -> tuple[Figure, ...]:
    """A statistic of each direction's values, by default their mean, with its 95 % interval."""
    ends = interval(values, statistic, rng=subject.rng("intervals"))
    return tuple(Figure(*of_one) for of_one in zip(*(end.tolist() for end in ends), strict=True))
