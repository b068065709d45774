"""A generator whose independent directions are known, so that methods can be checked against them."""

from collections.abc import Sequence
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from orojar_adapters import Generator, Layer, Noise
from orojar_finetune.discovery.bases import random_basis


@final
class Separable(Generator):
    """Pixel j is sin(z . q_j) for orthonormal q_j: JᵀJ = Q diag(cos²) Qᵀ.

    All q_j are alike on average, so the mean of JᵀJ is a multiple of the identity: its eigenvectors say nothing, and only what
    diagonalizes the single matrices together finds Q.
    """

    family = "separable"
    spaces = ("z", "w")

    @register_to_config
    def __init__(self, size: int = 6) -> None:
        super().__init__()
        self.resolution, self.image_channels, self.num_classes = size, 1, 0
        self.latent_size = self.w_size = size
        self.q = nn.Parameter(random_basis(size, size, seed=123))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "all", self.resolution),)

    def map(self, z: Tensor, labels: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return (z * truncation)[:, None]

    def synthesize_with_activations(
        self, ws: Tensor, activations: Sequence[int], noise: Noise = "const", labels: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        row = torch.sin(ws[:, 0] @ self.q.T)
        image = torch.cat([row[:, None, None], row.new_zeros(len(row), 1, self.resolution - 1, self.resolution)], dim=2)
        return image, [image for _ in activations]

    def modulation_weights(self) -> list[Tensor]:
        return [self.q.detach()]
