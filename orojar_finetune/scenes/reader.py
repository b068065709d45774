"""What a scene shows, read off its pixels: a small convolutional network with bundled weights.

It gives ground truth for images that were generated rather than drawn. It has errors of its own, which are known
(`FactorReader.squared_errors`): effects smaller than those say nothing.
"""

import functools
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_finetune.scenes.rendering import FACTORS

WEIGHTS = Path(__file__).parent / "reader.safetensors"
"""Half-precision weights, made by `benchmarks/train_reader.py`."""
RESOLUTION = 64
"""Height and width in pixels at which images are read."""
FEATURES = 128


class FactorReader(nn.Module):
    """Reads the seven factors off images of scenes.

    Two maps of coordinates are added to the colours (CoordConv, Liu et al., NeurIPS 2018), so that place is seen as early as
    colour.

    Attributes:
        squared_errors: for each factor the mean squared error on freshly rendered scenes that it was not trained on.
    """

    squared_errors: Tensor
    axes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_convolution(3 + 2, 24, stride=2, width=5),
            *_convolution(24, 32),
            *_convolution(32, 32),
            *_convolution(32, 48, stride=2),
            *_convolution(48, 48),
            *_convolution(48, 64, stride=2),
            *_convolution(64, 64),
            *_convolution(64, 64, stride=2),
        )
        self.embedding = nn.Linear(64 * (RESOLUTION // 16) ** 2, FEATURES)
        self.factors = nn.Linear(FEATURES, len(FACTORS))
        self.register_buffer("squared_errors", torch.zeros(len(FACTORS)))
        axis = torch.linspace(-1, 1, RESOLUTION)
        self.register_buffer("axes", torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None], persistent=False)

    def features(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """What the last layer reads the factors from: 128 numbers an image, for distances between sets of images.

        Args:
            images: in [-1, 1], of any size; values beyond are clamped, as a screen would.
        """
        images = images.clamp(-1, 1)
        if images.shape[2:] != (RESOLUTION, RESOLUTION):
            images = F.interpolate(images, size=(RESOLUTION, RESOLUTION), mode="bilinear", antialias=True)
        seen = torch.cat([images, self.axes.expand(len(images), -1, -1, -1)], dim=1)
        seen = seen.contiguous(memory_format=torch.channels_last)  # faster on CPUs
        return F.relu(self.embedding(self.convolutions(seen).flatten(1)))

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch factors"]:
        """Factors in the order of `FACTORS`, nominally in [0, 1]."""
        return self.factors(self.features(images))


@functools.cache
def load_reader(device: torch.device | str = "cpu") -> FactorReader:
    """The bundled reader, frozen, in float32; one for each device, shared by all who ask."""
    reader = FactorReader()
    reader.load_state_dict({key: value.float() for key, value in load_file(WEIGHTS).items()})
    return reader.eval().requires_grad_(False).to(device)


def _convolution(before: int, after: int, stride: int = 1, width: int = 3) -> tuple[nn.Module, ...]:
    kernel = nn.Conv2d(before, after, width, stride, padding=width // 2, bias=False)
    return kernel, nn.BatchNorm2d(after), nn.ReLU()
