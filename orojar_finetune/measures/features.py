"""What sets of images are compared by: extractors of feature vectors, and the table of them."""

import copy
import importlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_finetune.scenes.reader import load_reader

RANDOM_CHANNELS = (3, 32, 64, 64, 64)
RANDOM_GRID = 4
RANDOM_PROJECTIONS = 64
RANDOM_SEED = 0


class Extractor(nn.Module, ABC):
    """Maps images to feature vectors; frozen, and moved to a device like any module."""

    @torch.no_grad()
    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """One feature vector an image.

        Args:
            images: gray, RGB or RGBA, in [-1, 1]; values beyond are clamped, as a screen would.

        Raises:
            ValueError: another number of channels.
        """
        return self.extract(to_rgb(images).float().clamp(-1, 1))

    @abstractmethod
    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """Features of RGB images within [-1, 1]."""


@final
class SceneFeatures(Extractor):
    """What the bundled reader of scenes sees: which factors, and how sharp and how bright they are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = copy.deepcopy(load_reader())

    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        return self.reader.features(images)


@final
class RandomFeatures(Extractor):
    """What a convolutional network with random weights sees, at four scales.

    Mean and standard deviation over the picture at each scale, then random projections of a 4 x 4 grid at the coarsest, which
    know where things are. Networks that were never trained compare sets of images meaningfully where trained ones know nothing
    of such images (Naeem et al., ICML 2020, of a randomly initialised VGG16). The weights are the same everywhere; features of
    images of different sizes are not comparable.
    """

    def __init__(self) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(RANDOM_SEED)
        self.kernels = nn.ParameterList()
        for before, after in itertools.pairwise(RANDOM_CHANNELS):
            kernel = torch.randn(after, before, 3, 3, generator=draws) * (2 / (9 * before)) ** 0.5
            self.kernels.append(nn.Parameter(kernel, requires_grad=False))
        cells = RANDOM_CHANNELS[-1] * RANDOM_GRID**2
        projections = torch.randn(cells, RANDOM_PROJECTIONS, generator=draws) / cells**0.5
        self.projections = nn.Parameter(projections, requires_grad=False)

    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        pooled = []
        for kernel in self.kernels:
            images = F.leaky_relu(F.conv2d(images, kernel, stride=2, padding=1), 0.2)
            pooled += [images.mean(dim=(2, 3)), images.std(dim=(2, 3), correction=0)]
        places = F.adaptive_avg_pool2d(images, RANDOM_GRID).flatten(1) @ self.projections
        return torch.cat([*pooled, places], dim=1)


@final
class InceptionFeatures(Extractor):
    """The 2048 pool features of the Inception network that FID is defined with, through torch-fidelity.

    Raises:
        ValueError: the package or its weights, which come from the network, cannot be had.
    """

    def __init__(self) -> None:
        super().__init__()
        others = f"or choose other features: {', '.join(name for name in FEATURES if name != 'inception')}"
        try:
            fidelity = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
        except (ImportError, RuntimeError) as e:  # a torchvision built for another torch raises the second
            raise ValueError(
                "inception features need torch-fidelity, and a torchvision that fits this torch "
                f"({type(e).__name__}: {e}): pip install 'orojar-finetune[fidelity]', {others}"
            ) from e
        try:
            # its own loader unpickles whatever the file holds; this one lets nothing but tensors pass, and caches the file
            torch.hub.load_state_dict_from_url(fidelity.URL_INCEPTION_V3, weights_only=True, progress=False)
            self.network = fidelity.FeatureExtractorInceptionV3("inception", ["2048"])
        except OSError as e:
            raise ValueError(
                f"the weights of inception cannot be fetched from {fidelity.URL_INCEPTION_V3} ({e}): put that file into "
                f"{torch.hub.get_dir()}/checkpoints, {others}"
            ) from e

    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        return self.network(((images + 1) * 127.5).round().byte())[0]


@final
class OwnFeatures(Extractor):
    """Features of somebody's own network, such as a recogniser of faces.

    Args:
        name: `package.module:function`, where Python can import it; called without arguments it gives a module that takes RGB
            images in [-1, 1], of the generator's size, and gives one vector an image.

    Raises:
        ValueError: no such module or function, or no network comes out of it.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        module, _, function = name.partition(":")
        try:
            network = getattr(importlib.import_module(module), function)()
        except (ImportError, AttributeError) as e:
            raise ValueError(
                f"features {name!r} cannot be had ({e}): give module:function, a module that Python can import (set PYTHONPATH "
                "to its folder) and a function in it that makes the network"
            ) from e
        if not isinstance(network, nn.Module):
            raise ValueError(f"features {name!r} must make a torch.nn.Module, got a {type(network).__name__}")
        self.network = network

    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        found = self.network(images)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(images):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"features {self.name!r} must give one vector an image, {len(images)} x width, got {what}")
        return found


FEATURES: dict[str, Callable[[], Extractor]] = {
    "scenes": SceneFeatures,
    "random": RandomFeatures,
    "inception": InceptionFeatures,
}
"""By name; `scenes` knows pictures of this package's scenes alone, `random` any, `inception` photographs."""


def load_features(name: str, device: torch.device | str = "cpu") -> Extractor:
    """An extractor by name, ready on a device.

    Args:
        name: one of `FEATURES`, or `package.module:function` for one's own (see `OwnFeatures`).

    Raises:
        ValueError: an unknown name, or features that cannot be had here.
    """
    if name not in FEATURES and ":" not in name:
        raise ValueError(f"features must be one of {', '.join(FEATURES)}, or module:function for your own, got {name!r}")
    extractor = FEATURES[name]() if name in FEATURES else OwnFeatures(name)
    return extractor.eval().requires_grad_(False).to(device)


def to_rgb(images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch 3 height width"]:
    """Images as RGB: gray three times, RGBA without its alpha.

    Raises:
        ValueError: another number of channels.
    """
    channels = images.shape[1]
    if channels not in (1, 3, 4):
        raise ValueError(f"features are taken of images with 1, 3 or 4 channels, got {channels}")
    return images.expand(-1, 3, -1, -1) if channels == 1 else images[:, :3]
