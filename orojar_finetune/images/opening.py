"""Opens what `--data` names: scenes, samples of the generator, a folder, a zip file, or a dataset on the Hub."""

import logging
import re
from pathlib import Path

import torch

from orojar_adapters import Generator
from orojar_finetune.config import DataConfig
from orojar_finetune.images.hub_dataset import HubDataset
from orojar_finetune.images.image_files import Folder, ImageSource, Zip
from orojar_finetune.images.real_images import GeneratorSamples, ImageData, RealImages, RenderedScenes

log = logging.getLogger("orojar")

HUB = "hub:"
WORDS = {
    "scenes": "the built-in scenes",
    "none": "samples from the generator itself",
    "original": "samples from the generator itself",
}
"""Words that are not paths."""
REPO = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


def open_real_images(
    data: str,
    generator: Generator,
    seed: int,
    device: torch.device,
    config: DataConfig,
    original: Generator | None = None,
) -> RealImages:
    """Returns the real images that `data` names, with the size, channels and classes of a generator.

    Args:
        data: `scenes`, `none` or `original` (samples from the original), a folder, a zip file, or `user/dataset` on the Hub
            (`hub:user/dataset` if a path of that name exists).
        original: the frozen generator whose samples serve as real images.

    Raises:
        ValueError: there are no such images, or they do not fit the generator.
    """
    if data in WORDS and _existing(data) is not None:
        log.warning("data: %s means %s; for the file or folder of that name here, type ./%s", data, WORDS[data], data)
    if data == "scenes":
        if generator.image_channels != 3 or generator.num_classes:
            has = f"{generator.image_channels} channels and {generator.num_classes} classes"
            raise ValueError(
                f"data: scenes are RGB without classes, but the generator has {has}; give a folder, a zip file or user/dataset"
            )
        return RenderedScenes(generator.resolution, seed, device)
    if data in ("none", "original"):
        if original is None:
            raise ValueError(f"data: {data} needs a pretrained generator to sample from; give images or scenes")
        return GeneratorSamples(original, seed)
    return ImageData(find_source(data, config), generator, seed, device, config)


def find_source(data: str, config: DataConfig) -> ImageSource:
    """Returns a folder, a zip file, or a dataset on the Hub. A path that exists wins.

    Raises:
        ValueError: there is none of these.
    """
    if data.startswith(HUB):
        return HubDataset(data.removeprefix(HUB), config.split, config.image_column)
    path = _existing(data)
    if path is not None:
        return Folder(path) if path.is_dir() else Zip(path)
    if REPO.fullmatch(data) and not data.endswith(".zip"):
        return HubDataset(data, config.split, config.image_column)
    raise ValueError(f"data: {data!r} does not exist; type a folder, a zip file, user/dataset on the Hub, scenes or none")


def _existing(data: str) -> Path | None:
    try:
        path = Path(data).expanduser()
        return path if data and path.exists() else None
    except (OSError, RuntimeError):  # too long for a name, or the home of an unknown user
        return None
