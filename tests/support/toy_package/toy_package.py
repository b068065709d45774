"""A package of somebody else that brings a family: images whose pixels are waves along a latent, and a file format for them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from orojar_adapters import CheckpointError, Generator, Layer, Noise

MAGIC = "toy generator"


@final
class ToyGenerator(Generator):
    """Sine waves."""

    family = "toy"
    spaces = ("z",)
    has_noise = False

    @register_to_config
    def __init__(self, size: int = 8, latent_size: int = 6) -> None:
        super().__init__()
        self.resolution, self.image_channels, self.num_classes = size, 3, 0
        self.latent_size = self.w_size = latent_size
        draws = torch.Generator().manual_seed(0)
        self.waves = nn.Parameter(torch.randn(3 * size * size, latent_size, generator=draws))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", self.resolution),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "waves", self.resolution), Layer(1, "image", self.resolution))

    def map(self, z: Tensor, labels: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return (z * truncation)[:, None]

    def synthesize_with_activations(
        self, ws: Tensor, activations: Sequence[int], noise: Noise = "const", labels: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        waves = (ws[:, 0] @ self.waves.T).reshape(-1, 3, self.resolution, self.resolution)
        maps = [waves, waves.sin()]
        return maps[1], [maps[i] for i in activations]

    def modulation_weights(self) -> list[Tensor]:
        return [self.waves.detach()]

    @classmethod
    def read_file(cls, path: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        if path.suffix != ".toy":
            return None
        value = json.loads(path.read_text(encoding="utf-8"))
        if value.get("magic") != MAGIC:
            raise CheckpointError(f"{path.name} does not begin as a toy generator does")
        waves = torch.tensor(value["waves"])
        return {"size": value["size"], "latent_size": waves.shape[1]}, {"waves": waves}
