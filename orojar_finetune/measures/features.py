"""Feature extractors by which sets of images are compared."""

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
        """One feature vector per image.

        Args:
            images: gray, RGB or RGBA, in [-1, 1]; values beyond are clamped, as on a screen.

        Raises:
            ValueError: another number of channels.
        """
        return self.extract(to_rgb(images).float().clamp(-1, 1))

    @abstractmethod
    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """Features of RGB images within [-1, 1]."""


@final
class SceneFeatures(Extractor):
    """Features of the bundled network that reads the factors of scenes."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = copy.deepcopy(load_reader())

    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        return self.reader.features(images)


@final
class RandomFeatures(Extractor):
    """Features of a convolutional network with random weights, at four scales.

    Mean and standard deviation over the image at each scale, then random projections of a 4 x 4 grid at the coarsest, which
    keep positions. Untrained networks compare sets of images meaningfully where trained ones know nothing of such images
    (Naeem et al., ICML 2020, with a randomly initialized VGG16). The weights are the same everywhere; features of images of
    different sizes are not comparable.
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
        ValueError: the package or its weights, which are downloaded, are not available.
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
            # the package's own loader unpickles whatever the file holds; this one accepts only tensors, and caches the file
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
    """Features of the user's own network, such as one for face recognition.

    Args:
        name: `package.module:function`, importable; called without arguments it returns a module that takes RGB images in
            [-1, 1], of the generator's size, and returns one vector per image.

    Raises:
        ValueError: no such module or function, or it does not return a network.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        module, _, function = name.partition(":")
        try:
            network = getattr(importlib.import_module(module), function)()
        except (ImportError, AttributeError) as e:
            raise ValueError(
                f"features {name!r} could not be imported ({e}): give module:function, a module that Python can import (set "
                "PYTHONPATH to its folder) and a function in it that makes the network"
            ) from e
        if not isinstance(network, nn.Module):
            raise ValueError(f"features {name!r} must make a torch.nn.Module, got a {type(network).__name__}")
        self.network = network

    def extract(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        vectors = self.network(images)
        if not isinstance(vectors, Tensor) or vectors.ndim != 2 or len(vectors) != len(images):
            what = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
            raise ValueError(f"features {self.name!r} must give one vector per image, {len(images)} x width, got {what}")
        return vectors


FEATURES: dict[str, Callable[[], Extractor]] = {
    "scenes": SceneFeatures,
    "random": RandomFeatures,
    "inception": InceptionFeatures,
}
"""By name: `scenes` is for this package's scenes, `inception` for photographs, `random` for anything."""


def load_features(name: str, device: torch.device | str = "cpu") -> Extractor:
    """An extractor by name, ready on a device.

    Args:
        name: one of `FEATURES`, or `package.module:function` for one's own (see `OwnFeatures`).

    Raises:
        ValueError: an unknown name, or features that are not available here.
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
