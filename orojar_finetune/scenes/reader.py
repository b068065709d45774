"""A small convolutional network with bundled weights that predicts the factors of a scene from its pixels.

It gives ground truth for images that were generated rather than drawn. Its own errors are known
(`FactorReader.squared_errors`): effects smaller than those mean nothing.
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
"""Height and width in pixels of its input."""
EMBEDDING = 128
"""Size of the vector that the factors are predicted from."""


class FactorReader(nn.Module):
    """Predicts the seven factors of scenes.

    Two coordinate maps are added to the color channels (CoordConv, Liu et al., NeurIPS 2018), so that position is available as
    early as color.

    Attributes:
        squared_errors: for each factor, the mean squared error on freshly rendered scenes that it was not trained on.
    """

    squared_errors: Tensor
    axes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(*_convolution(3 + 2, 24, 2, width=5), *_convolution(24, 32), *_convolution(32, 32)),
                nn.Sequential(*_convolution(32, 48, 2), *_convolution(48, 48)),
                nn.Sequential(*_convolution(48, 64, 2), *_convolution(64, 64)),
                nn.Sequential(*_convolution(64, 64, 2)),
            ]
        )
        self.embedding = nn.Linear(64 * (RESOLUTION // 16) ** 2, EMBEDDING)
        self.factors = nn.Linear(EMBEDDING, len(FACTORS))
        self.register_buffer("squared_errors", torch.zeros(len(FACTORS)))
        axis = torch.linspace(-1, 1, RESOLUTION)
        self.register_buffer("axes", torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None], persistent=False)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch factors"]:
        """Returns factors in the order of `FACTORS`, nominally in [0, 1].

        Args:
            images: in [-1, 1], of any size; values beyond are clamped, as a screen would.
        """
        return self.factors(self._embed(self._maps(images)))

    def features(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """Returns 416 numbers per image about its content and appearance, for distances between sets of images.

        The 128 numbers that the factors are predicted from, then mean and standard deviation over the image of the maps at 32,
        16 and 8 pixels. The first alone are nearly blind to blur and contrast, which the reader was trained to ignore.
        """
        maps = self._maps(images)
        appearance = [pooled for seen in maps[:-1] for pooled in (seen.mean(dim=(2, 3)), seen.std(dim=(2, 3), correction=0))]
        return torch.cat([self._embed(maps), *appearance], dim=1)

    def _maps(self, images: Tensor) -> list[Tensor]:
        """Returns the output of each stage."""
        images = images.clamp(-1, 1)
        if images.shape[2:] != (RESOLUTION, RESOLUTION):
            images = F.interpolate(images, size=(RESOLUTION, RESOLUTION), mode="bilinear", antialias=True)
        seen = torch.cat([images, self.axes.expand(len(images), -1, -1, -1)], dim=1)
        maps = [seen.contiguous(memory_format=torch.channels_last)]  # faster on CPUs
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]

    def _embed(self, maps: list[Tensor]) -> Tensor:
        return F.relu(self.embedding(maps[-1].flatten(1)))


@functools.cache
def load_reader(device: torch.device | str = "cpu") -> FactorReader:
    """Returns the bundled reader, frozen, in float32; one per device, shared by all callers."""
    reader = FactorReader()
    reader.load_state_dict({key: value.float() for key, value in load_file(WEIGHTS).items()})
    return reader.eval().requires_grad_(False).to(device)


def _convolution(before: int, after: int, stride: int = 1, width: int = 3) -> tuple[nn.Module, ...]:
    kernel = nn.Conv2d(before, after, width, stride, padding=width // 2, bias=False)
    return kernel, nn.BatchNorm2d(after), nn.ReLU()
