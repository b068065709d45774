"""StyleGAN (Karras et al., CVPR 2019): a mapping from z to w, and styles that enter by adaptive instance normalization.

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
from orojar_adapters.contract.sizes import check_blocks, check_positive, check_sizes, resolutions
from orojar_adapters.ops.linear import EqualizedLinear
from orojar_adapters.ops.mapping import Mapping
from orojar_adapters.ops.noise import add_noise, noise_rng
from orojar_adapters.ops.resample import binomial_blur, conv_upsample_nearest


def adaptive_instance_norm(
    x: Float[Tensor, "batch channels height width"],
    scale: Float[Tensor, "batch channels"],
    bias: Float[Tensor, "batch channels"],
) -> Float[Tensor, "batch channels height width"]:
    """Normalizes each feature map to mean 0 and variance 1, then scales and biases it by its style (equation 1)."""
    x = x - x.mean(dim=(2, 3), keepdim=True)
    x = x * (x.square().mean(dim=(2, 3), keepdim=True) + 1e-8).rsqrt()
    return x * scale[:, :, None, None] + bias[:, :, None, None]


class SynthesisLayer(nn.Module):
    """A 3 x 3 convolution or, in the first layer, a learned constant; then noise, bias, leaky ReLU and the style."""

    noise_const: Tensor

    def __init__(self, in_channels: int, out_channels: int, w_size: int, resolution: int, up: bool) -> None:
        super().__init__()
        self.up, self.first = up, not in_channels
        if self.first:
            self.const = nn.Parameter(torch.ones(out_channels, resolution, resolution))
        else:
            self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.affine = EqualizedLinear(w_size, 2 * out_channels)
        with torch.no_grad():
            self.affine.bias[:out_channels] = 1

    def forward(self, x: Tensor | None, w: Tensor, noise: Noise, rng: torch.Generator | None) -> Tensor:
        x = self.const.expand(len(w), -1, -1, -1) if x is None else self._convolve(x)
        x = add_noise(x, self.noise_const, self.noise_strength.view(-1, 1, 1), noise, rng)
        x = F.leaky_relu(x + self.bias.view(-1, 1, 1), 0.2)
        return adaptive_instance_norm(x, *self.affine(w).chunk(2, dim=1))

    def _convolve(self, x: Tensor) -> Tensor:
        weight = self.weight * math.sqrt(2 / self.weight[0].numel())  # He's initialization, at run time
        return binomial_blur(conv_upsample_nearest(x, weight)) if self.up else F.conv2d(x, weight, padding=1)


class ToRGB(nn.Module):
    """A 1 x 1 convolution to the image's channels."""

    def __init__(self, in_channels: int, image_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(image_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(image_channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight / math.sqrt(self.weight.shape[1]), self.bias)


class Synthesis(nn.Module):
    """Two layers for each resolution from 4 x 4 up, then the image."""

    def __init__(self, w_size: int, channels: Sequence[int], image_channels: int) -> None:
        super().__init__()
        layers = []
        for i, (size, width) in enumerate(zip(resolutions(len(channels)), channels, strict=True)):
            layers.append(SynthesisLayer(channels[i - 1] if i else 0, width, w_size, size, up=i > 0))
            layers.append(SynthesisLayer(width, width, w_size, size, up=False))
        self.layers = nn.ModuleList(layers)
        self.torgb = ToRGB(channels[-1], image_channels)


@final
class StyleGAN(Generator):
    """A StyleGAN generator of any size.

    Args:
        resolution: image size in pixels, a power of two of at least 8.
        channels: feature maps at 4 x 4, 8 x 8, ... up to the resolution.
        latent_size: width of z.
        w_size: width of w.
        num_classes: width of the label, 0 for none.
        image_channels: 1 gray, 3 RGB, 4 RGBA.
        mapping_depth: fully connected layers from z to w.
        mapping_width: width of the layers before the last; None means that of w.
        mapping_lr_multiplier: learning-rate multiplier of the mapping, which also scales its stored weights.

    Raises:
        ValueError: a size that no StyleGAN has.
    """

    family = "stylegan"
    title = "StyleGAN"
    files = "genforce `.pth`"
    spaces = ("z", "w", "w+")

    @register_to_config
    def __init__(
        self,
        resolution: int,
        channels: list[int],
        latent_size: int = 512,
        w_size: int = 512,
        num_classes: int = 0,
        image_channels: int = 3,
        mapping_depth: int = 8,
        mapping_width: int | None = None,
        mapping_lr_multiplier: float = 0.01,
    ) -> None:
        super().__init__()
        check_blocks(resolution, channels)
        check_sizes(latent_size=latent_size, w_size=w_size, num_classes=num_classes, image_channels=image_channels)
        check_sizes(mapping_depth=mapping_depth, mapping_width=w_size if mapping_width is None else mapping_width)
        check_positive(mapping_lr_multiplier=mapping_lr_multiplier)
        self.resolution, self.image_channels, self.num_classes = resolution, image_channels, num_classes
        self.latent_size, self.w_size = latent_size, w_size
        width, inputs = mapping_width or w_size, latent_size * (2 if num_classes else 1)
        self.embed = nn.Linear(num_classes, latent_size, bias=False) if num_classes else nn.Identity()
        self.mapping = Mapping(inputs, 0, w_size, mapping_depth, width, mapping_lr_multiplier)
        self.synthesis = Synthesis(w_size, channels, image_channels)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(block_layers(("const", "conv"), len(self.synthesis.layers) // 2))

    def map(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
    ) -> Float[Tensor, "batch layers w"]:
        return self.mapping.layerwise(self._w(z, labels), len(self.layers), truncation, cutoff)

    def _w(self, z: Tensor, labels: Labels | None) -> Tensor:
        """Returns w of z; a label's embedding is appended to z, and both are normalized together."""
        rows = self.label_rows(labels, len(z))
        return self.mapping(z if rows is None else torch.cat([z, self.embed(rows)], dim=1), None)

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        rng = noise_rng(noise)
        x, kept = None, []
        for i, layer in enumerate(self.synthesis.layers):
            x = layer(x, ws[:, i], noise, rng)
            kept.append(x)
        return self.synthesis.torgb(x), [kept[i] for i in activations]

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        affine = tuple(name for name, _ in self.named_modules() if name.endswith(".affine"))
        mapping = ("embed", "mapping") if self.num_classes else ("mapping",)
        return {"mapping": mapping, "synthesis": ("synthesis",), "affine": affine}

    @torch.no_grad()
    def recenter(self, samples: int = 10_000, rng: torch.Generator | None = None) -> None:
        z, labels = self.sample_latents(samples, rng), self.sample_labels(samples, rng)
        self.mapping.w_avg.copy_(self._w(z, labels).mean(dim=0))

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        return [layer.get_parameter("affine.weight").detach() for layer in self.synthesis.layers]
