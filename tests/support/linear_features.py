"""A generator whose features and image are linear in z, so that what methods look for is in one matrix."""

from collections.abc import Sequence
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from orojar_adapters import Generator, Layer, Noise
from orojar_finetune.discovery.bases import random_basis


@final
class LinearFeatures(Generator):
    """Values x = U diag(scales) Vᵀ z, and far apart for each class; V mixes the coordinates of z, U those of x.

    A first feature layer sees the first two thirds of z alone, as a first block of BigGAN does; the second is the image.
    """

    family = "linear-features"
    spaces = ("z",)

    @register_to_config
    def __init__(self, scales: list[float], num_classes: int = 0, mixed: bool = True, values: int = 16) -> None:
        super().__init__()
        size = len(scales)
        self.resolution, self.image_channels, self.num_classes = values, 1, num_classes
        self.latent_size = self.w_size = size
        v = random_basis(size, size, seed=5) if mixed else torch.eye(size)
        self.a = nn.Parameter(random_basis(size, values, seed=6).T @ torch.diag(torch.tensor(scales)) @ v)
        self.classes = nn.Parameter(100 * random_basis(max(num_classes, 1), values, seed=7))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", self.resolution),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "first", self.resolution), Layer(1, "image", self.resolution))

    @property
    def latent_ranges(self) -> dict[str, tuple[int, int]]:
        third = self.latent_size // 3
        return {"coarse": (0, third), "mid": (third, 2 * third), "fine": (2 * third, self.latent_size)}

    def map(self, z: Tensor, labels: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return (z * truncation)[:, None]

    def synthesize_with_activations(
        self, ws: Tensor, activations: Sequence[int], noise: Noise = "const", labels: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        rows = self.label_rows(labels, len(ws))
        offset = 0 if rows is None else rows @ self.classes
        seen = 2 * (self.latent_size // 3)
        maps = [(ws[:, 0, :end] @ self.a[:, :end].T + offset)[:, None, None] for end in (seen, self.latent_size)]
        image = torch.cat([maps[1], maps[1].new_zeros(len(ws), 1, self.resolution - 1, self.resolution)], dim=2)
        return image, [maps[i] for i in activations]

    def modulation_weights(self) -> list[Tensor]:
        return [self.a.detach()]
