"""The Fréchet distance between generated and real images, as validations measure it."""

from collections.abc import Callable

import torch
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.config import ComparisonConfig
from orojar_finetune.images.real_images import RealImages
from orojar_finetune.measures.features import load_features
from orojar_finetune.measures.frechet import Moments, frechet_distance
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import rng

BATCH = 64
FAR = 1 << 40
"""Added to the steps of the real images here, so that they are not the first ones trained on."""


class Fidelity:
    """Compares generators with real images, whose features are computed once.

    Attributes:
        features: the name of the features.

    Raises:
        ValueError: features that do not exist or are not available, or real images that are all the same.
    """

    def __init__(self, real_images: RealImages, config: ComparisonConfig, processes: Processes, seed: int) -> None:
        self.features = real_images.features if config.features == "auto" else config.features
        self.extract = load_features(self.features, processes.device)
        self.config, self.processes, self.seed = config, processes, seed
        self.real = self._moments(lambda i: real_images.batch(FAR + i, BATCH, slice(0, BATCH))[0])
        self.spread = self.real.covariance.trace().item()
        if not self.spread > 0:
            raise ValueError("data: all images are the same, so there is nothing to learn from them: use different ones")

    def of(self, generator: Generator) -> float:
        """The Fréchet distance of a generator's images to the real ones, over the variance of the real ones' features.

        1 is as far as real images are from their own mean.
        """
        made = self._moments(lambda i: _samples(generator, rng(self.seed, "validation", i)))
        return frechet_distance(made, self.real) / self.spread

    def _moments(self, images: Callable[[int], Tensor]) -> Moments:
        count = -(-self.config.images // BATCH)
        batches = self.processes.stack(count, lambda i: self.extract(images(i)), "comparing images")
        return Moments.of(batches.flatten(0, 1)[: self.config.images])


@torch.no_grad()
def _samples(generator: Generator, draws: torch.Generator) -> Tensor:
    return generator(generator.sample_latents(BATCH, draws), generator.sample_labels(BATCH, draws))
