"""Image distances for path lengths."""

import importlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_finetune.measures.features import to_rgb

PIXEL_FACTOR = 1 / 4
"""From squared differences of values in [-1, 1] to those of values in [0, 1]."""
LPIPS_SIZE = 256
"""Height and width in pixels at which the network compares images, as StyleGAN's path lengths do."""


class Distance(nn.Module, ABC):
    """A distance between pairs of images: 0 for equal ones, and quadratic in small changes."""

    @torch.no_grad()
    def forward(
        self, a: Float[Tensor, "batch channels height width"], b: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, " batch"]:
        """One distance per pair.

        Args:
            a: nominally in [-1, 1]; not clamped, since a step beyond the range is a step too.
        """
        return self.between(a.float(), b.float())

    @abstractmethod
    def between(
        self, a: Float[Tensor, "batch channels height width"], b: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, " batch"]:
        """Distances of images in float32."""


@final
class PixelDistance(Distance):
    """The mean squared difference over pixels and channels, times a quarter: 1 from a black image to a white one."""

    def between(
        self, a: Float[Tensor, "batch channels height width"], b: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, " batch"]:
        return PIXEL_FACTOR * (a - b).square().flatten(1).mean(dim=1)


@final
class PerceptualDistance(Distance):
    """LPIPS with VGG16 (Zhang et al., CVPR 2018, version 0.1), which StyleGAN's path lengths are measured in.

    Images are resized to 256 x 256 pixels, larger ones by averaging, smaller ones by bilinear interpolation. Gray images count
    as RGB, and alpha is ignored.

    Raises:
        ValueError: the package, a torchvision that fits, or the weights, which are downloaded, are not available.
    """

    def __init__(self) -> None:
        super().__init__()
        others = f"or choose another distance: {', '.join(name for name in DISTANCES if name != 'lpips')}"
        try:
            package = importlib.import_module("lpips")
            url = importlib.import_module("torchvision.models").VGG16_Weights.IMAGENET1K_V1.url
        except (ImportError, RuntimeError) as e:  # a torchvision built for another torch raises the second
            raise ValueError(
                "the distance lpips needs the package of that name, and a torchvision that fits this torch "
                f"({type(e).__name__}: {e}): pip install lpips torchvision, {others}"
            ) from e
        try:
            # the package's own loader unpickles whatever the file holds; this one lets only tensors pass, and caches the file
            torch.hub.load_state_dict_from_url(url, weights_only=True, progress=False)
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # it asks torchvision in an old way
                self.network = package.LPIPS(net="vgg", verbose=False)
        except OSError as e:
            raise ValueError(
                f"the weights of lpips cannot be fetched from {url} ({e}): put that file into "
                f"{torch.hub.get_dir()}/checkpoints, {others}"
            ) from e

    def between(
        self, a: Float[Tensor, "batch channels height width"], b: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, " batch"]:
        return self.network(at_size(to_rgb(a)), at_size(to_rgb(b))).flatten()


DISTANCES: dict[str, Callable[[], Distance]] = {"pixels": PixelDistance, "lpips": PerceptualDistance}
"""By name; `pixels` needs nothing, `lpips` is what published path lengths are in. Their units differ."""


def load_distance(name: str, device: torch.device | str = "cpu") -> Distance:
    """A distance by name, ready on a device.

    Raises:
        ValueError: an unknown name, or a distance that is not available here.
    """
    if name not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {name!r}")
    return DISTANCES[name]().eval().requires_grad_(False).to(device)


def at_size(
    images: Float[Tensor, "batch channels height width"], size: int = LPIPS_SIZE
) -> Float[Tensor, "batch channels size size"]:
    """Returns square images at another size, averaged if smaller, interpolated if larger."""
    if images.shape[2] > size:
        return F.adaptive_avg_pool2d(images, size)
    return F.interpolate(images, size=(size, size), mode="bilinear") if images.shape[2] < size else images
