"""The discriminator of StyleGAN2 (Karras et al., CVPR 2020), residual architecture, NVlabs' parameter names."""

import math
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.sizes import check_blocks, check_positive, check_sizes, resolutions
from orojar_adapters.ops.activation import biased_lrelu
from orojar_adapters.ops.linear import EqualizedLinear
from orojar_adapters.ops.mapping import Mapping
from orojar_adapters.ops.resample import conv_downsample


class EqualizedConv(nn.Module):
    """Convolution with an equalized learning rate, optionally to half the size, optionally with bias and leaky ReLU."""

    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        down: bool = False,
        activate: bool = True,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.down, self.clamp = down, clamp
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_channels)) if activate else None)

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        weight = self.weight / math.sqrt(self.weight[0].numel())
        x = conv_downsample(x, weight) if self.down else F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.bias is None:
            return x * gain
        clamp = None if self.clamp is None else self.clamp * gain  # by the gain of the shortcut, not that of the activation
        return biased_lrelu(x, self.bias, gain * math.sqrt(2), clamp)


class ResidualBlock(nn.Module):
    """Two convolutions to half the size beside a linear shortcut; the first block also reads the image."""

    def __init__(self, image_channels: int, in_channels: int, out_channels: int, clamp: float | None) -> None:
        super().__init__()
        self.first = bool(image_channels)
        if self.first:
            self.fromrgb = EqualizedConv(image_channels, in_channels, 1, clamp=clamp)
        self.conv0 = EqualizedConv(in_channels, in_channels, 3, clamp=clamp)
        self.conv1 = EqualizedConv(in_channels, out_channels, 3, down=True, clamp=clamp)
        self.skip = EqualizedConv(in_channels, out_channels, 1, down=True, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.first:
            x = self.fromrgb(x)
        gain = math.sqrt(0.5)
        return self.skip(x, gain) + self.conv1(self.conv0(x), gain)


class Epilogue(nn.Module):
    """Minibatch deviation, a convolution at 4 x 4, and two fully connected layers."""

    def __init__(self, channels: int, out_size: int, group: int, deviations: int, clamp: float | None) -> None:
        super().__init__()
        self.group, self.deviations = group, deviations
        self.conv = EqualizedConv(channels + deviations, channels, 3, clamp=clamp)
        self.fc = EqualizedLinear(channels * 16, channels, lrelu=True)
        self.out = EqualizedLinear(channels, out_size)

    def forward(self, x: Tensor) -> Tensor:
        if self.deviations:
            x = torch.cat([x, minibatch_deviation(x, self.group, self.deviations)], dim=1)
        return self.out(self.fc(self.conv(x).flatten(1)))


def minibatch_deviation(
    x: Float[Tensor, "batch channels height width"], group: int, deviations: int
) -> Float[Tensor, "batch deviations height width"]:
    """Returns how much the samples of a group differ, as constant maps (Karras et al., ICLR 2018, section 3).

    Args:
        group: size of the groups; where it does not divide the batch, the largest smaller size that does.
    """
    group = next(size for size in range(min(group, len(x)), 0, -1) if len(x) % size == 0)
    y = rearrange(x, "(g n) (f c) h w -> g n f c h w", g=group, f=deviations)
    y = (y.var(dim=0, unbiased=False) + 1e-8).sqrt()
    y = reduce(y, "n f c h w -> n f 1 1", "mean")
    return y.repeat(group, 1, x.shape[2], x.shape[3])


@final
class StyleGAN2Discriminator(Discriminator):
    """A StyleGAN2 discriminator of any size: one number for each image, higher for real ones.

    Args:
        resolution: image size in pixels.
        channels: feature maps at 4 x 4, 8 x 8, ... up to the resolution.
        num_classes: width of the label, 0 for none.
        image_channels: 1 gray, 3 RGB, 4 RGBA.
        label_size: width of the mapped label, on which the last features are projected.
        mapping_depth: fully connected layers of the label's mapping.
        group: images compared with each other by the minibatch deviation.
        deviations: maps of minibatch deviation; 0 for none.
        conv_clamp: limit of the activations; None means none.

    Raises:
        ValueError: a size that no StyleGAN2 has.
    """

    @register_to_config
    def __init__(
        self,
        resolution: int,
        channels: list[int],
        num_classes: int = 0,
        image_channels: int = 3,
        label_size: int = 512,
        mapping_depth: int = 8,
        group: int = 4,
        deviations: int = 1,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        check_blocks(resolution, channels)
        check_sizes(num_classes=num_classes, image_channels=image_channels, label_size=label_size)
        check_sizes(mapping_depth=mapping_depth, group=group, deviations=deviations)
        check_positive(conv_clamp=conv_clamp)
        if deviations and channels[0] % deviations:
            raise ValueError(f"deviations must divide the {channels[0]} channels at 4 x 4, got {deviations}")
        self.num_classes, self.label_size = num_classes, label_size
        self.block_names = [f"b{size}" for size in reversed(resolutions(len(channels)))]
        for i, name in enumerate(self.block_names[:-1]):
            block = ResidualBlock(0 if i else image_channels, channels[-1 - i], channels[-2 - i], conv_clamp)
            setattr(self, name, block)
        self.b4 = Epilogue(channels[0], label_size if num_classes else 1, group, deviations, conv_clamp)
        if num_classes:
            self.mapping = Mapping(0, num_classes, label_size, mapping_depth, label_size, lr_multiplier=0.01)

    def forward(
        self,
        images: Float[Tensor, "batch channels height width"],
        labels: Float[Tensor, "batch classes"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """Returns logits of images in [-1, 1]; conditional discriminators need rows of label values."""
        if (labels is not None) != bool(self.num_classes):
            raise ValueError(f"this discriminator has {self.num_classes} classes, labels given: {labels is not None}")
        x = images
        for name in self.block_names:
            x = getattr(self, name)(x)
        if labels is None:
            return x[:, 0]
        return (x * self.mapping(None, labels)).sum(dim=1) / math.sqrt(self.label_size)
