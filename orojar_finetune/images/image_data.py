"""Real images from people's own data, in an order that depends on the seed and the step alone."""

import logging
import re
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.config import DataConfig
from orojar_finetune.images.decoding import MODES, Decoder
from orojar_finetune.images.hub_dataset import HubDataset
from orojar_finetune.images.image_files import Folder, Zip
from orojar_finetune.images.image_source import ImageSource
from orojar_finetune.images.reals import Reals, RenderedScenes, SamplesOfOriginal
from orojar_finetune.images.workers import Workers
from orojar_finetune.runtime.draws import rng

log = logging.getLogger("orojar")

HUB = "hub:"
WORDS = {
    "scenes": "the built-in pictures",
    "none": "samples of the generator itself",
    "original": "samples of the generator itself",
}
"""What is no place."""
REPO = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
EPOCHS_KEPT = 2
"""A batch and the one prepared after it can reach into the next epoch."""


def open_reals(
    data: str,
    generator: Generator,
    seed: int,
    device: torch.device,
    config: DataConfig,
    original: Generator | None = None,
) -> Reals:
    """The real images that a person means by `data`, fit for a generator: its size, colours and classes.

    Args:
        data: `scenes`, `none` or `original` (samples of the original), a folder, a zip file, or `user/dataset` of the Hub
            (`hub:user/dataset` where a path of that spelling exists).
        original: the frozen generator whose samples play the data set.

    Raises:
        ValueError: there are no such images, or they do not fit the generator.
    """
    if data in WORDS and _existing(data) is not None:
        log.warning("data: %s means %s; for what lies here by that name type ./%s", data, WORDS[data], data)
    if data == "scenes":
        if generator.image_channels != 3 or generator.num_classes:
            has = f"{generator.image_channels} channels and {generator.num_classes} classes"
            raise ValueError(
                f"data: scenes are RGB and have no classes, the generator has {has}; give a folder, a zip file or user/dataset"
            )
        return RenderedScenes(generator.resolution, seed, device)
    if data in ("none", "original"):
        if original is None:
            raise ValueError(f"data: {data} needs an original to sample from, and there is none; give images or scenes")
        return SamplesOfOriginal(original, seed)
    return ImageReals(find_source(data, config), generator, seed, device, config)


def find_source(data: str, config: DataConfig) -> ImageSource:
    """The images that a person means: a folder, a zip file, or a data set of the Hub. A path that exists wins.

    Raises:
        ValueError: there are none to be had.
    """
    if data.startswith(HUB):
        return HubDataset(data.removeprefix(HUB), config.split, config.image_column)
    path = _existing(data)
    if path is not None:
        return Folder(path) if path.is_dir() else Zip(path)
    if REPO.fullmatch(data) and not data.endswith(".zip"):
        return HubDataset(data, config.split, config.image_column)
    raise ValueError(f"data: there is no {data!r} here; type a folder, a zip file, user/dataset of the Hub, scenes or none")


def _existing(data: str) -> Path | None:
    try:
        path = Path(data).expanduser()
        return path if data and path.exists() else None
    except (OSError, RuntimeError):  # too long for a name, or the home of nobody here
        return None


class ImageReals(Reals):
    """Images of a source, once each in every epoch, shuffled anew for each.

    Which image is number `step * total + row` of a run depends on the seed alone, whoever asks for it and in which portions.
    The rows of the last step are kept, and threads decode the same rows of the next one meanwhile.
    """

    features = "random"

    def __init__(self, source: ImageSource, generator: Generator, seed: int, device: torch.device, config: DataConfig) -> None:
        if generator.image_channels not in MODES:
            raise ValueError(
                f"data: images have 1, 3 or 4 channels (gray, RGB, RGBA), the generator makes {generator.image_channels}"
            )
        self.description = f"{len(source):,} images of {source.where}"
        self._generator, self._seed, self._device, self._config = generator, seed, device, config
        self._size = len(source)
        self._labels = source.labels(generator.num_classes) if generator.num_classes else None
        self._decode = Decoder(source, generator.resolution, generator.image_channels)
        self._workers = Workers(config.workers)
        self._pending: dict[int, Future[np.ndarray]] = {}
        self._epochs: dict[int, tuple[Tensor, Tensor]] = {}

    def batch(
        self, step: int, total: int, rows: slice
    ) -> tuple[Float[Tensor, "rows channels height width"], Float[Tensor, "rows classes"] | None]:
        """Images in [-1, 1] and, for conditional generators, rows of label values.

        Raises:
            ValueError: a file is no image; it is named.
        """
        first = step * total
        numbers = range(first, first + total)[rows]
        later = [number + total for number in numbers] if self._config.workers else []
        self._pending = {number: future for number, future in self._pending.items() if first <= number < first + 2 * total}
        for number in (*numbers, *later):
            if number not in self._pending:
                self._pending[number] = self._workers.submit(self._decode, *self._pick(number))
        pixels = np.stack([self._pending[number].result() for number in numbers])
        return _to_images(torch.from_numpy(pixels).to(self._device)), self._label_rows(numbers)

    def _label_rows(self, numbers: Sequence[int]) -> Tensor | None:
        if self._labels is None:
            return None
        return self._generator.label_rows(self._labels[[self._pick(number)[0] for number in numbers]], len(numbers))

    def _pick(self, number: int) -> tuple[int, bool]:
        """Which image of the source that is, and whether it is mirrored."""
        epoch, position = divmod(number, self._size)
        if epoch not in self._epochs:
            if len(self._epochs) == EPOCHS_KEPT:
                del self._epochs[min(self._epochs)]
            order = torch.randperm(self._size, generator=rng(self._seed, "epoch", epoch))
            self._epochs[epoch] = order, torch.rand(self._size, generator=rng(self._seed, "mirror", epoch)) < 0.5
        order, mirrored = self._epochs[epoch]
        return int(order[position]), self._config.mirror and bool(mirrored[position])


def _to_images(pixels: UInt8[Tensor, "batch height width channels"]) -> Float[Tensor, "batch channels height width"]:
    return rearrange(pixels, "b h w c -> b c h w").contiguous().float() / 127.5 - 1
