"""StyleGAN2 (Karras et al., CVPR 2020; with adaptive augmentation, NeurIPS 2020), skip architecture.

Parameters have the names of NVlabs' PyTorch release, so that checkpoints are read and written by name.
"""

import math
from collections.abc import Iterator, Sequence
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn

from orojar_adapters.contract.generator import Generator, Labels, Layer, Noise, block_layers
from orojar_adapters.contract.sizes import check_blocks, check_positive, check_sizes, resolutions
from orojar_adapters.ops.activation import biased_lrelu
from orojar_adapters.ops.linear import EqualizedLinear
from orojar_adapters.ops.mapping import Mapping
from orojar_adapters.ops.modulated_conv import modulated_conv
from orojar_adapters.ops.noise import add_noise, noise_rng
from orojar_adapters.ops.resample import upsample


class SynthesisLayer(nn.Module):
    """Modulated 3 x 3 convolution, noise, bias, leaky ReLU."""

    noise_const: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, w_size: int, resolution: int, up: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.up, self.clamp = up, clamp
        self.affine = EqualizedLinear(w_size, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, noise: Noise, rng: torch.Generator | None) -> Tensor:
        x = modulated_conv(x, self.weight, self.affine(w), up=self.up)
        x = add_noise(x, self.noise_const, self.noise_strength, noise, rng)
        return biased_lrelu(x, self.bias, clamp=self.clamp)


class ToRGB(nn.Module):
    """Modulated 1 x 1 convolution to the image's channels, without demodulation."""

    def __init__(self, in_channels: int, image_channels: int, w_size: int, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = EqualizedLinear(w_size, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(image_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(image_channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w) / math.sqrt(self.weight.shape[1])
        x = modulated_conv(x, self.weight, styles, demodulate=False) + self.bias.view(-1, 1, 1)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)


class SynthesisBlock(nn.Module):
    """All layers of one resolution; the first block starts from a learned constant."""

    const: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_size: int,
        resolution: int,
        image_channels: int,
        clamp: float | None,
    ) -> None:
        super().__init__()
        self.convs = ["conv0", "conv1"] if in_channels else ["conv1"]
        if in_channels:
            self.conv0 = SynthesisLayer(in_channels, out_channels, w_size, resolution, True, clamp)
        else:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_size, resolution, False, clamp)
        self.torgb = ToRGB(out_channels, image_channels, w_size, clamp)


class Synthesis(nn.Module):
    """The blocks from 4 x 4 up, named `b4`, `b8`, ..."""

    b4: SynthesisBlock

    def __init__(self, w_size: int, channels: Sequence[int], image_channels: int, clamp: float | None) -> None:
        super().__init__()
        self.resolutions = resolutions(len(channels))
        for i, (size, width) in enumerate(zip(self.resolutions, channels, strict=True)):
            block = SynthesisBlock(channels[i - 1] if i else 0, width, w_size, size, image_channels, clamp)
            setattr(self, f"b{size}", block)

    def blocks(self) -> Iterator[SynthesisBlock]:
        for size in self.resolutions:
            yield getattr(self, f"b{size}")


@final
class StyleGAN2(Generator):
    """A StyleGAN2 generator of any size.

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
        conv_clamp: limit of the activations, as set for half precision; None means none.

    Raises:
        ValueError: a size that no StyleGAN2 has.
    """

    family = "stylegan2"
    title = "StyleGAN2"
    files = "NVlabs `.pkl` (PyTorch, TensorFlow) and state dicts, rosinality `.pt`, genforce `.pth`"
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
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        check_blocks(resolution, channels)
        check_sizes(latent_size=latent_size, w_size=w_size, num_classes=num_classes, image_channels=image_channels)
        check_sizes(mapping_depth=mapping_depth, mapping_width=w_size if mapping_width is None else mapping_width)
        check_positive(mapping_lr_multiplier=mapping_lr_multiplier, conv_clamp=conv_clamp)
        self.resolution, self.image_channels, self.num_classes = resolution, image_channels, num_classes
        self.latent_size, self.w_size = latent_size, w_size
        width = mapping_width or w_size
        self.mapping = Mapping(latent_size, num_classes, w_size, mapping_depth, width, mapping_lr_multiplier)
        self.synthesis = Synthesis(w_size, channels, image_channels, conv_clamp)

    @property
    def layers(self) -> tuple[Layer, ...]:
        found = block_layers(("conv",), len(self.synthesis.resolutions))
        return (*found, Layer(len(found), "to RGB", self.resolution))

    def map(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
    ) -> Float[Tensor, "batch layers w"]:
        w = self.mapping(z, self.label_rows(labels, len(z)))
        return self.mapping.layerwise(w, len(self.layers), truncation, cutoff)

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        rng = noise_rng(noise)
        kept: dict[int, Tensor] = {}
        index = 0
        x = self.synthesis.b4.const.expand(len(ws), -1, -1, -1)
        image: Tensor | None = None
        for block in self.synthesis.blocks():
            for name in block.convs:
                x = getattr(block, name)(x, ws[:, index], noise, rng)
                kept[index] = x
                index += 1
            rgb = block.torgb(x, ws[:, index])
            image = rgb if image is None else upsample(image) + rgb
        assert image is not None  # there is always a first block
        kept[index] = image
        return image, [kept[i] for i in activations]

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        affine = tuple(name for name, _ in self.named_modules() if name.endswith(".affine"))
        return {"mapping": ("mapping",), "synthesis": ("synthesis",), "affine": affine}

    @torch.no_grad()
    def recenter(self, samples: int = 10_000, rng: torch.Generator | None = None) -> None:
        z, labels = self.sample_latents(samples, rng), self.sample_labels(samples, rng)
        self.mapping.w_avg.copy_(self.mapping(z, self.label_rows(labels, samples)).mean(dim=0))

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        convs = [getattr(block, name) for block in self.synthesis.blocks() for name in block.convs]
        last = list(self.synthesis.blocks())[-1].torgb
        return [layer.affine.weight.detach() for layer in [*convs, last]]
