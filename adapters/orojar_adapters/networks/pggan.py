"""ProGAN (Karras et al., ICLR 2018), also called PGGAN: z alone, through convolutions with pixelwise normalization.

The images are those of the full resolution: the outputs that progressive growing has for smaller ones are left out.
"""

import math
from collections.abc import Sequence
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.contract.generator import Generator, Labels, Layer, Noise, block_layers
from orojar_adapters.contract.sizes import check_blocks, check_sizes
from orojar_adapters.ops.activation import normalize_second_moment
from orojar_adapters.ops.resample import conv_upsample_nearest


class FirstLayer(nn.Module):
    """A fully connected layer from the latent to feature maps of 4 x 4, with one bias for each map."""

    def __init__(self, in_size: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_size, 4, 4))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, z: Tensor) -> Tensor:
        gain = math.sqrt(2 / self.weight[0].numel())
        return torch.einsum("bi,cihw->bchw", z, self.weight * gain) + self.bias.view(-1, 1, 1)


class Convolution(nn.Module):
    """Convolution with an equalized learning rate, optionally of the doubled image."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, up: bool = False, gain: float = math.sqrt(2)) -> None:
        super().__init__()
        self.up, self.gain = up, gain
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * (self.gain / math.sqrt(self.weight[0].numel()))
        if self.up:
            return conv_upsample_nearest(x, weight) + self.bias.view(-1, 1, 1)
        return F.conv2d(x, weight, self.bias, padding=weight.shape[-1] // 2)


class Synthesis(nn.Module):
    """Two layers for each resolution from 4 x 4 up, then the image."""

    def __init__(self, in_size: int, channels: Sequence[int], image_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, width in enumerate(channels):
            layers.append(Convolution(channels[i - 1], width, 3, up=True) if i else FirstLayer(in_size, width))
            layers.append(Convolution(width, width, 3))
        self.layers = nn.ModuleList(layers)
        self.torgb = Convolution(channels[-1], image_channels, 1, gain=1.0)


@final
class PGGAN(Generator):
    """A ProGAN generator of any size.

    Args:
        resolution: image size in pixels, a power of two of at least 8.
        channels: feature maps at 4 x 4, 8 x 8, ... up to the resolution.
        latent_size: width of z.
        num_classes: width of the label, 0 for none.
        image_channels: 1 gray, 3 RGB, 4 RGBA.
        normalize_latents: whether z is normalized first, as in ProGAN, so that its length has no effect; without it the dense
            layer's maps are neither activated nor normalized either (as in the code of Wei et al., ICCV 2021).

    Raises:
        ValueError: a size that no ProGAN has.
    """

    family = "pggan"
    title = "ProGAN"
    files = "genforce `.pth`"
    spaces = ("z",)
    has_noise = False

    @register_to_config
    def __init__(
        self,
        resolution: int,
        channels: list[int],
        latent_size: int = 512,
        num_classes: int = 0,
        image_channels: int = 3,
        normalize_latents: bool = True,
    ) -> None:
        super().__init__()
        check_blocks(resolution, channels)
        check_sizes(latent_size=latent_size, num_classes=num_classes, image_channels=image_channels)
        self.resolution, self.image_channels, self.num_classes = resolution, image_channels, num_classes
        self.latent_size = self.w_size = latent_size
        self.normalize_latents = normalize_latents
        self.synthesis = Synthesis(latent_size + num_classes, channels, image_channels)

    @property
    def truncates(self) -> bool:
        return not self.normalize_latents

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", 4),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        return tuple(block_layers(("dense", "conv"), len(self.synthesis.layers) // 2))

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        x, rows = self._normalized(ws[:, 0]), self.label_rows(labels, len(ws))
        if rows is not None:
            x = self._normalized(torch.cat([x, rows], dim=1))
        kept = []
        for i, layer in enumerate(self.synthesis.layers):
            x = layer(x)
            if i or self.normalize_latents:
                x = normalize_second_moment(F.leaky_relu(x, 0.2))
            kept.append(x)
        return self.synthesis.torgb(x), [kept[i] for i in activations]

    def _normalized(self, x: Tensor) -> Tensor:
        return normalize_second_moment(x) if self.normalize_latents else x

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        return {"synthesis": ("synthesis",)}

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        """Returns the first layer's weights: one row for each value of the coarsest feature maps."""
        weight = self.synthesis.layers[0].get_parameter("weight").detach()[:, : self.latent_size]
        return [weight.permute(0, 2, 3, 1).flatten(0, 2)]
