"""A generator of scenes whose latents are the factors themselves, so that what directions do to factors is known."""

from collections.abc import Sequence
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from orojar_adapters import Generator, Layer, Noise
from orojar_finetune.scenes.rendering import FACTORS, render

SPREAD = 0.12
"""Standard deviation of a factor: so small that nearly all stay in the range that scenes have."""


@final
class PerfectScenes(Generator):
    """Scenes whose factors are the latent, each around the middle of its range; the factor of `still` never changes."""

    family = "perfect scenes"
    spaces = ("z", "w")

    @register_to_config
    def __init__(self, num_classes: int = 0, still: int | None = None) -> None:
        super().__init__()
        self.resolution, self.image_channels, self.num_classes = 64, 3, num_classes
        self.latent_size = self.w_size = len(FACTORS)
        self.spread = nn.Parameter(torch.tensor([0 if i == still else SPREAD for i in range(len(FACTORS))]))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "all", self.resolution),)

    def map(self, z: Tensor, labels: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        self.label_rows(labels, len(z))
        return (z * truncation)[:, None]

    def synthesize_with_activations(
        self, ws: Tensor, activations: Sequence[int], noise: Noise = "const", labels: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        self.label_rows(labels, len(ws))
        return render(0.5 + ws[:, 0] * self.spread, self.resolution), []

    def modulation_weights(self) -> list[Tensor]:
        return [torch.eye(len(FACTORS))]
