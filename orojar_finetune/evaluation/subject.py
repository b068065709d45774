"""What is measured: a generator, its directions, and the real images that it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.config import EvaluateConfig
from orojar_finetune.directions import Directions
from orojar_finetune.evaluation.findings import Figure
from orojar_finetune.measures.bootstrap import interval, mean
from orojar_finetune.measures.features import Extractor, load_features
from orojar_finetune.training import draws
from orojar_finetune.training.reals import Reals

BATCH = 64
FIRST = 1 << 41
"""Step of the first real images that are compared with: none that a training or its validation looks at."""


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
    reals: Reals | None
    config: EvaluateConfig

    def rng(self, measure: str) -> torch.Generator:
        """Where a measure draws from: the same for every subject of a seed, so that all are looked at at the same latents."""
        return draws.rng(self.config.seed, "evaluation", measure)

    def need_directions(self) -> Directions:
        """The directions.

        Raises:
            Missing: there are none.
        """
        if self.directions is None:
            raise Missing("there are no directions: find some with `orojar discover`")
        return self.directions

    @property
    def features(self) -> str:
        """The name of what images are compared by."""
        fitting = self.reals.features if self.reals is not None else "random"
        return fitting if self.config.features == "auto" else self.config.features

    @property
    def extractor(self) -> Extractor:
        """What images are compared by.

        Raises:
            ValueError: features that cannot be had.
        """
        return load_features(self.features, self.generator.device)

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


def of_directions(values: Float[Tensor, "latents directions"]) -> tuple[float, ...]:
    """The mean of each direction."""
    return tuple(values.double().mean(dim=0).tolist())
