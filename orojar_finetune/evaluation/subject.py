"""What is measured: a generator, its directions, and the real images that it is compared with."""

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
from orojar_finetune.measures.distances import Distance, load_distance
from orojar_finetune.measures.features import Extractor, load_features
from orojar_finetune.measures.findings import Figure
from orojar_finetune.runtime import reproducible
from orojar_finetune.training.jacobian_penalty import outputs

BATCH = 64
FIRST = 1 << 41
"""Step of the first real images that are compared with: none that a training or its validation looks at."""
COSTLY = 200
"""Resamples of statistics that take many milliseconds each, instead of a thousand."""


class Missing(ValueError):  # noqa: N818
    """What a measure would need and a subject does not have."""


@dataclass(frozen=True)
class Subject:
    """A generator with one direction set.

    Attributes:
        name: what its column is called.
        generator: frozen, on the device where all is computed.
        directions: None where there are none.
        reals: real images; None where there are none to compare with.
        config: what is measured.
    """

    name: str
    generator: Generator
    directions: Directions | None
    reals: RealImages | None
    config: EvaluateConfig

    def rng(self, measure: str) -> torch.Generator:
        """Where a measure draws from: the same for every subject of a seed, so that all are looked at at the same latents."""
        return reproducible.rng(self.config.seed, "evaluation", measure)

    def need_directions(self) -> Directions:
        """The directions.

        Raises:
            Missing: there are none.
        """
        if self.directions is None:
            raise Missing("there are no directions: find some with `orojar discover`")
        return self.directions

    def check(self) -> None:
        """Loads all that the measures will need: what cannot be had is refused before the first of them takes its minutes.

        Raises:
            ValueError: features or a distance that cannot be had, or layers that there are not.
        """
        measures = set(self.config.measures)
        check_activations(self.generator, self.config.activations or ())
        if "preservation" in measures or ("fidelity" in measures and self.reals is not None):
            _ = self.chosen
        if "preservation" in measures:
            _ = self.recogniser
        if measures & {"path-length", "traversal"}:
            _ = self.distance

    @cached_property
    def chosen(self) -> tuple[str, Extractor, str]:
        """The name of what images are compared by, the network, and what a reader must know of the choice.

        Raises:
            ValueError: features that cannot be had.
        """
        device, wanted = self.generator.device, self.config.features
        if wanted != "auto":
            return wanted, load_features(wanted, device), ""
        if self.reals is None or self.reals.features != "random":
            fitting = "random" if self.reals is None else self.reals.features
            return fitting, load_features(fitting, device), ""
        try:
            return "inception", load_features("inception", device), ""
        except ValueError as e:
            return "random", load_features("random", device), f" These were taken as others could not be: {e}."

    @property
    def extractor(self) -> Extractor:
        """What images are compared by; raises as `chosen`."""
        return self.chosen[1]

    @cached_property
    def recogniser(self) -> Extractor | None:
        """What tells who is in a picture, where one was named.

        Raises:
            ValueError: features that cannot be had.
        """
        return None if self.config.identity is None else load_features(self.config.identity, self.generator.device)

    @cached_property
    def distance(self) -> Distance:
        """What paths are measured in.

        Raises:
            ValueError: a distance that cannot be had.
        """
        return load_distance(self.config.distance, self.generator.device)

    @property
    def activations(self) -> tuple[int, ...]:
        """The layers whose independence is measured."""
        named = self.config.activations
        return tuple(outputs(self.generator, ("layers",))[1]) if named is None else named

    def features_note(self, what: str) -> str:
        """Says what something is measured in."""
        name, _, why = self.chosen
        return f"{what} the features {name!r}.{why}"

    @property
    def distance_note(self) -> str:
        """Says what paths are measured in."""
        return f"Path and traversal lengths are in the distance {self.config.distance!r}; other distances have other units."

    def real_features(self, extract: Extractor) -> Float[Tensor, "images features"]:
        """Features of real images.

        Raises:
            Missing: there are none.
        """
        reals = self.reals
        if reals is None:
            raise Missing("there are no real images to compare with: name some with --data")
        count = self.config.images
        starts = range(0, count, BATCH)
        batches = (reals.batch(FIRST + i, BATCH, slice(0, BATCH))[0] for i in range(len(starts)))
        return torch.cat([extract(images.to(self.generator.device)).cpu() for images in batches])[:count]

    @torch.no_grad()
    def generated_features(self, extract: Extractor) -> Float[Tensor, "images features"]:
        """Features of as many of the generator's own images, without truncation."""
        count, rng = self.config.images, self.rng("images")
        z, labels = self.generator.sample_latents(count, rng), self.generator.sample_labels(count, rng)
        found = []
        for start in range(0, count, BATCH):
            rows = slice(start, start + BATCH)
            found.append(extract(self.generator(z[rows], None if labels is None else labels[rows])).cpu())
        return torch.cat(found)


def figure(
    values: Float[Tensor, "latents *shape"], subject: Subject, statistic: Callable[[Tensor], Tensor | float] = mean
) -> Figure:
    """A statistic of per-latent values, by default their mean, with its 95 % interval."""
    found = interval(values, statistic, rng=subject.rng("intervals"))
    return Figure(*(float(number) for number in found))


def figure_of(
    statistic: Callable[[Int[Tensor, " rows"]], Tensor | float], rows: int, subject: Subject, centred: bool = True
) -> Figure:
    """A statistic that is given rows to look at, with its 95 % interval; for costly ones, see `interval_of` for centred."""
    found = interval_of(statistic, rows, rng=subject.rng("intervals"), resamples=COSTLY, centred=centred)
    return Figure(*(float(number) for number in found))


def of_directions(
    values: Float[Tensor, "latents directions"], subject: Subject, statistic: Callable[[Tensor], Tensor] = mean
) -> tuple[Figure, ...]:
    """A statistic of each direction's values, by default their mean, with its 95 % interval."""
    found = interval(values, statistic, rng=subject.rng("intervals"))
    return tuple(Figure(*ends) for ends in zip(*(part.tolist() for part in found), strict=True))
