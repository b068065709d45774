"""The real images of a run: the same ones in each step for any number of processes and micro-batches."""

import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.config import DataConfig
from orojar_finetune.images.decoding import MODES, Decoder
from orojar_finetune.images.image_files import ImageSource
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.scenes.rendering import render, sample_factors

EPOCHS_KEPT = 2
"""A batch, and the one decoded ahead of time, can reach into the next epoch."""


class RealImages(ABC):
    """Real images by step.

    Attributes:
        description: a noun for messages.
        features: the features that suit them, a key of `FEATURES`.
    """

    description: str
    features: str

    @abstractmethod
    def batch(self, step: int, total: int, rows: slice) -> tuple[Tensor, Tensor | None]:
        """Returns some rows of a step's batch: images in [-1, 1] and, for conditional networks, rows of label values."""


class RenderedScenes(RealImages):
    """The built-in scenes, each one drawn anew."""

    description = "the built-in scenes"
    features = "scenes"

    def __init__(self, resolution: int, seed: int, device: torch.device) -> None:
        self.resolution, self.seed, self.device = resolution, seed, device

    def batch(self, step: int, total: int, rows: slice) -> tuple[Tensor, None]:
        factors = sample_factors(total, rng(self.seed, "scenes", step))[rows]
        return render(factors.to(self.device), self.resolution), None


class GeneratorSamples(RealImages):
    """Samples from the frozen generator, which serve as real images where there is no data."""

    description = "samples from the frozen generator"
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


class ImageData(RealImages):
    """Images of a source, each once per epoch, in an order that is shuffled anew for each epoch.

    Which image has the number `step * total + row` depends on the seed alone, whoever asks for it and in which portions. The
    rows of the last step are kept, and meanwhile threads decode the same rows of the next one.
    """

    features = "random"

    def __init__(self, source: ImageSource, generator: Generator, seed: int, device: torch.device, config: DataConfig) -> None:
        if generator.image_channels not in MODES:
            raise ValueError(
                f"data: images have 1, 3 or 4 channels (gray, RGB, RGBA), but the generator has {generator.image_channels}"
            )
        self.description = f"{len(source):,} images of {source.where}"
        self._generator, self._seed, self._device, self._config = generator, seed, device, config
        self._size = len(source)
        self._labels = source.labels(generator.num_classes) if generator.num_classes else None
        self._decode = Decoder(source, generator.resolution, generator.image_channels)
        workers = config.dataloader_num_workers
        self._pool = ThreadPoolExecutor(workers, "images") if workers else None
        if self._pool is not None:
            weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        self._pending: dict[int, Future[np.ndarray]] = {}
        self._epochs: dict[int, tuple[Tensor, Tensor]] = {}

    def batch(
        self, step: int, total: int, rows: slice
    ) -> tuple[Float[Tensor, "rows channels height width"], Float[Tensor, "rows classes"] | None]:
        """Returns images in [-1, 1] and, for conditional generators, rows of label values.

        Raises:
            ValueError: a file is not an image; the message names it.
        """
        first = step * total
        numbers = range(first, first + total)[rows]
        ahead = [number + total for number in numbers] if self._pool is not None else []
        self._pending = {number: future for number, future in self._pending.items() if first <= number < first + 2 * total}
        for number in (*numbers, *ahead):
            if number not in self._pending:
                self._pending[number] = self._submit(number)
        pixels = np.stack([self._pending[number].result() for number in numbers])
        return _to_images(torch.from_numpy(pixels).to(self._device)), self._label_rows(numbers)

    def _submit(self, number: int) -> Future[np.ndarray]:
        if self._pool is not None:
            return self._pool.submit(self._decode, *self._pick(number))
        done: Future[np.ndarray] = Future()
        done.set_result(self._decode(*self._pick(number)))
        return done

    def _label_rows(self, numbers: Sequence[int]) -> Tensor | None:
        if self._labels is None:
            return None
        return self._generator.label_rows(self._labels[[self._pick(number)[0] for number in numbers]], len(numbers))

    def _pick(self, number: int) -> tuple[int, bool]:
        """Returns the index of an image in the source, and whether it is flipped."""
        epoch, position = divmod(number, self._size)
        if epoch not in self._epochs:
            if len(self._epochs) == EPOCHS_KEPT:
                del self._epochs[min(self._epochs)]
            order = torch.randperm(self._size, generator=rng(self._seed, "epoch", epoch))
            self._epochs[epoch] = order, torch.rand(self._size, generator=rng(self._seed, "mirror", epoch)) < 0.5
        order, flipped = self._epochs[epoch]
        return int(order[position]), self._config.random_flip and bool(flipped[position])


def _to_images(pixels: UInt8[Tensor, "batch height width channels"]) -> Float[Tensor, "batch channels height width"]:
    return rearrange(pixels, "b h w c -> b c h w").contiguous().float() / 127.5 - 1
