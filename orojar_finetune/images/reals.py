"""Where real images come from: any number of processes and micro-batches sees the same ones in the same step."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.runtime.draws import rng
from orojar_finetune.scenes.rendering import render, sample_factors


class Reals(ABC):
    """Real images by step.

    Attributes:
        description: a noun for messages.
        features: the features of `FEATURES` that suit them.
    """

    description: str
    features: str

    @abstractmethod
    def batch(self, step: int, total: int, rows: slice) -> tuple[Tensor, Tensor | None]:
        """Some rows of a step's batch: images in [-1, 1] and, for conditional networks, rows of label values."""


class RenderedScenes(Reals):
    """The built-in scenes, every one drawn afresh."""

    description = "the built-in scenes"
    features = "scenes"

    def __init__(self, resolution: int, seed: int, device: torch.device) -> None:
        self.resolution, self.seed, self.device = resolution, seed, device

    def batch(self, step: int, total: int, rows: slice) -> tuple[Tensor, None]:
        factors = sample_factors(total, rng(self.seed, "scenes", step))[rows]
        return render(factors.to(self.device), self.resolution), None


class SamplesOfOriginal(Reals):
    """The frozen original's own samples, for when there is no data: it then plays the data set."""

    description = "samples of the frozen original"
    features = "random"

    def __init__(self, original: Generator, seed: int) -> None:
        self.original, self.seed = original, seed

    @torch.no_grad()
    def batch(self, step: int, total: int, rows: slice) -> tuple[Tensor, Tensor | None]:
        draws = rng(self.seed, "original", step)
        z = self.original.sample_latents(total, draws)[rows]
        labels = self.original.sample_labels(total, draws)
        labels = self.original.label_rows(None if labels is None else labels[rows], len(z))
        return self.original(z, labels), labels
