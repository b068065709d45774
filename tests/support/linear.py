"""A generator whose images are a matrix times the latent, so that every measure of it has a closed form."""

from collections.abc import Sequence
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from orojar_adapters import Generator, Layer, Noise
from orojar_finetune.latents.directions import Directions, Layers


@final
class Linear(Generator):
    """Pixels are the sum over layers of a matrix times that layer's w; w is z, stretched and shifted by its class."""

    family = "linear"
    spaces = ("z", "w")

    @register_to_config
    def __init__(
        self,
        size: int = 4,
        resolution: int = 4,
        image_channels: int = 1,
        num_classes: int = 0,
        depth: int = 1,
        stretch: float = 1.0,
    ) -> None:
        super().__init__()
        self.resolution, self.image_channels, self.num_classes = resolution, image_channels, num_classes
        self.latent_size = self.w_size = size
        self.depth, self.stretch = depth, stretch
        draws = torch.Generator().manual_seed(5)
        self.matrix = nn.Parameter(torch.randn(depth, image_channels * resolution**2, size, generator=draws) / 10)
        self.shift = nn.Parameter(torch.randn(max(num_classes, 1), size, generator=draws))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(Layer(i, f"layer {i}", self.resolution) for i in range(self.depth))

    def map(self, z: Tensor, labels: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        rows = self.label_rows(labels, len(z))
        w = z * self.stretch + (self.shift[0] if rows is None else rows @ self.shift)
        return w[:, None].repeat(1, self.depth, 1)

    def synthesize_with_activations(
        self, ws: Tensor, activations: Sequence[int], noise: Noise = "const", labels: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        pixels = torch.einsum("blw,lpw->bp", ws, self.matrix)
        return pixels.view(len(ws), self.image_channels, self.resolution, self.resolution), []

    def modulation_weights(self) -> list[Tensor]:
        return list(self.matrix.detach())


def direction_set(
    basis: Tensor, space: str = "z", sigmas: Sequence[float] | None = None, layers: Sequence[Layers] | None = None
) -> Directions:
    """Rows as a direction set, by default of one sigma each and on all layers."""
    count = len(basis)
    return Directions(
        basis=basis,
        sigmas=torch.ones(count) if sigmas is None else torch.tensor(sigmas),
        space=space,
        method="given",
        names=tuple(f"direction {i}" for i in range(count)),
        layers=(None,) * count if layers is None else tuple(layers),
        activity=(0.0,) * count,
    )


def seeded(seed: int = 0) -> torch.Generator:
    """Draws of their own."""
    return torch.Generator().manual_seed(seed)
