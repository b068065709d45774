"""The synthesis network of StyleGAN3: Fourier features, alias-free layers, and one that makes the image."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.networks.stylegan3.bands import Band, Filters
from orojar_adapters.ops.alias_free import filtered_lrelu
from orojar_adapters.ops.linear import EqualizedLinear


class SynthesisInput(nn.Module):
    """Fourier features in place of the learned constant, rotated and translated by w (section 3.2)."""

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, channels: int, w_size: int, band: Band) -> None:
        super().__init__()
        self.band = band
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = EqualizedLinear(w_size, 4)
        with torch.no_grad():  # neither rotated nor translated, for any w
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0]))
        angles = torch.rand(channels) * 2 * math.pi
        radii = torch.rand(channels).sqrt() * band.cutoff  # uniform in the disc of frequencies
        self.register_buffer("freqs", radii[:, None] * torch.stack([angles.cos(), angles.sin()], dim=1))
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(self, w: Tensor) -> Tensor:
        pose = self.affine(w)
        cos, sin, x, y = (pose / pose[:, :2].norm(dim=1, keepdim=True)).unbind(dim=1)
        turn = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
        linear, shift = self.transform[:2, :2], self.transform[:2, 2]  # of the whole image, set by hand
        freqs = self.freqs @ turn
        phases = self.phases + (freqs @ (shift - torch.stack([x, y], dim=1))[:, :, None])[:, :, 0]
        freqs = freqs @ linear
        above = (freqs.norm(dim=2) - self.band.cutoff) / (self.band.rate / 2 - self.band.cutoff)
        amplitudes = (1 - above).clamp(0, 1)  # frequencies above what these samples can represent fade out
        at = (torch.arange(self.band.size, device=w.device, dtype=w.dtype) - (self.band.size - 1) / 2) / self.band.rate
        along_x, along_y = (freqs[:, :, i, None] * at for i in (0, 1))
        cycles = along_y[:, :, :, None] + along_x[:, :, None] + phases[:, :, None, None]
        waves = torch.sin(2 * math.pi * cycles) * amplitudes[:, :, None, None]
        return F.conv2d(waves, self.weight[:, :, None, None] / math.sqrt(len(self.weight)))


class ModulatedConv(nn.Module):
    """Modulated convolution with full padding, its input normalized by a running mean square.

    Args:
        demodulate: whether outputs are scaled to unit variance; the layer that makes the image does not.
    """

    magnitude_ema: Tensor

    def __init__(self, in_channels: int, out_channels: int, w_size: int, kernel: int, demodulate: bool) -> None:
        super().__init__()
        self.demodulate = demodulate
        self.affine = EqualizedLinear(w_size, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("magnitude_ema", torch.ones([]))  # the trained value, never updated here

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles, scale = self.affine(w), self.magnitude_ema.rsqrt()
        if self.demodulate:
            power = styles.square() @ self.weight.square().sum(dim=(2, 3)).T
            scale = scale * (power + 1e-16).rsqrt()[:, :, None, None]  # far below all norms: the scale of styles cancels out
        else:
            styles = styles / math.sqrt(self.weight[0].numel())
        x = F.conv2d(x * styles[:, :, None, None], self.weight, padding=self.weight.shape[-1] - 1)
        return torch.addcmul(self.bias[:, None, None], x, scale)


class SynthesisLayer(ModulatedConv):
    """Modulated convolution and an alias-free leaky ReLU, whose output has the layer's own sampling rate."""

    up_filter: Tensor
    down_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_size: int,
        kernel: int,
        filters: Filters,
        size: int,
        clamp: float | None,
    ) -> None:
        super().__init__(in_channels, out_channels, w_size, kernel, demodulate=True)
        self.up, self.down, self.size, self.clamp = filters.up, filters.down, size, clamp
        self.register_buffer("up_filter", filters.up_taps)
        self.register_buffer("down_filter", filters.down_taps)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = super().forward(x, w)
        return filtered_lrelu(x, self.up_filter, self.up, self.down_filter, self.down, self.size, clamp=self.clamp)


class ToRGB(ModulatedConv):
    """Modulated 1 x 1 convolution to the image's channels, without demodulation."""

    def __init__(self, in_channels: int, image_channels: int, w_size: int, clamp: float | None, scale: float) -> None:
        super().__init__(in_channels, image_channels, w_size, kernel=1, demodulate=False)
        self.clamp, self.scale = clamp, scale

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = super().forward(x, w)
        return (x if self.clamp is None else x.clamp(-self.clamp, self.clamp)) * self.scale


class Synthesis(nn.Module):
    """The input and the layers `L0_SIZE_CHANNELS`, `L1_...`, of which the last makes the image.

    Args:
        widths: channels of each layer and of the image.
        found: bands of each layer and of the image.
        filters: filters of all layers but the last.
    """

    def __init__(
        self,
        w_size: int,
        widths: Sequence[int],
        found: Sequence[Band],
        kernel: int,
        filters: Sequence[Filters],
        clamp: float | None,
        scale: float,
    ) -> None:
        super().__init__()
        self.input = SynthesisInput(widths[0], w_size, found[0])
        self.names = layer_names(widths, found)
        inputs = [widths[0], *widths]
        for i, resampling in enumerate(filters):
            layer = SynthesisLayer(inputs[i], widths[i], w_size, kernel, resampling, found[i].size, clamp)
            setattr(self, self.names[i], layer)
        setattr(self, self.names[-1], ToRGB(inputs[-2], widths[-1], w_size, clamp, scale))

    def convs(self) -> list[ModulatedConv]:
        return [getattr(self, name) for name in self.names]


def layer_names(widths: Sequence[int], found: Sequence[Band]) -> list[str]:
    """Returns NVlabs' names of the layers: index, size of the output, and its channels."""
    return [f"L{i}_{band.size}_{width}" for i, (band, width) in enumerate(zip(found, widths, strict=True))]
