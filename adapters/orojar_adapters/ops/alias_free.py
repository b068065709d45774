"""Filters that keep signals band-limited around a pointwise nonlinearity (Karras et al., StyleGAN3, NeurIPS 2021, section 3).

All filters are symmetric, and of even length where they change the sampling rate: input and output have the same center.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

WHOLE_ON = ("cpu",)
"""Devices on which a separable filter runs as one kernel of K x K, as fast as two of K taps: so it is with oneDNN."""


def lowpass(taps: int, cutoff: float, width: float, sampling_rate: float) -> Float[Tensor, " taps"]:
    """Returns a sinc times a Kaiser window, with a sum of 1 (appendix C).

    Args:
        cutoff: frequency of half the amplitude, below half the sampling rate.
        width: width of the transition band, in the same unit.
    """
    times = _times(taps, sampling_rate)
    filter = torch.sinc(2 * cutoff * times) * _kaiser_window(taps, width, sampling_rate)
    return (filter / filter.sum()).float()


def radial_lowpass(taps: int, cutoff: float, width: float, sampling_rate: float) -> Float[Tensor, "taps taps"]:
    """Returns a jinc times a separable Kaiser window, with a sum of 1: the same in all directions (appendix C).

    Args:
        taps: in each axis, an even number: none lies on the center.
    """
    times = _times(taps, sampling_rate)
    radius = math.pi * torch.hypot(times[:, None], times)
    window = _kaiser_window(taps, width, sampling_rate)
    filter = torch.special.bessel_j1(2 * cutoff * radius) / radius * torch.outer(window, window)
    return (filter / filter.sum()).float()


def _times(taps: int, sampling_rate: float) -> Tensor:
    return (torch.arange(taps, dtype=torch.float64, device="cpu") - (taps - 1) / 2) / sampling_rate


def _kaiser_window(taps: int, width: float, sampling_rate: float) -> Tensor:
    """Returns the window with the highest attenuation for so many taps and this width (Kaiser's empirical formulas)."""
    attenuation = 7.95 + 2.285 * (taps - 1) * math.pi * width / (sampling_rate / 2)
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    else:
        above = max(attenuation - 21, 0)
        beta = 0.5842 * above**0.4 + 0.07886 * above
    return torch.kaiser_window(taps, periodic=False, beta=beta, dtype=torch.float64, device="cpu")


def upsample(
    x: Float[Tensor, "batch channels height height"], taps: Float[Tensor, " taps"], factor: int, size: int
) -> Float[Tensor, "batch channels size size"]:
    """Returns `size` x `size` samples at `factor` times the rate: zeros between the samples and around them, then the filter.

    Raises:
        ValueError: so many samples cannot have the same center, or reach beyond the filter.
    """
    whole = (x.shape[-1] - 1) * factor + len(taps)
    if size > whole or (whole - size) % 2:
        raise ValueError(f"size must be {whole}, or less by an even number, got {size}")
    padding, taps = (whole - size) // 2, taps * factor
    if factor > 2:  # the backward pass of convolutions would take three times as long
        rows = _interpolation(x.shape[-1], taps, factor, padding, size)
        return rows.T @ x @ rows
    for kernel in _kernels(taps, x):
        stride = [factor if length > 1 else 1 for length in kernel.shape[2:]]
        around = [padding if length > 1 else 0 for length in kernel.shape[2:]]
        x = F.conv_transpose2d(x, kernel, stride=stride, padding=around, groups=x.shape[1])
    return x


def _interpolation(length: int, taps: Tensor, factor: int, padding: int, size: int) -> Tensor:
    """Returns the matrix (input samples x output samples) of one axis."""
    tap = torch.arange(size, device=taps.device) + padding - factor * torch.arange(length, device=taps.device)[:, None]
    inside = (tap >= 0) & (tap < len(taps))
    return taps[tap.clamp(0, len(taps) - 1)] * inside


def downsample(
    x: Float[Tensor, "batch channels height height"],
    taps: Float[Tensor, " taps"] | Float[Tensor, "taps taps"],
    factor: int,
) -> Float[Tensor, "batch channels size size"]:
    """Filters where the filter lies wholly inside the image, and keeps every `factor`-th sample."""
    for kernel in _kernels(taps, x):
        stride = [factor if length > 1 else 1 for length in kernel.shape[2:]]
        x = F.conv2d(x, kernel, stride=stride, groups=x.shape[1])
    return x


def _kernels(taps: Tensor, x: Tensor) -> list[Tensor]:
    """Returns depthwise kernels that, applied in turn, are this filter."""
    if taps.ndim == 2:
        kernels = [taps]
    elif x.device.type in WHOLE_ON:
        kernels = [torch.outer(taps, taps)]
    else:
        kernels = [taps[:, None], taps[None]]
    return [kernel.expand(x.shape[1], 1, *kernel.shape) for kernel in kernels]


def filtered_lrelu(
    x: Float[Tensor, "batch channels height height"],
    up_taps: Float[Tensor, " up_taps"],
    up: int,
    down_taps: Float[Tensor, " down_taps"] | Float[Tensor, "down_taps down_taps"],
    down: int,
    size: int,
    gain: float = math.sqrt(2),
    clamp: float | None = None,
) -> Float[Tensor, "batch channels size size"]:
    """Applies a leaky ReLU (slope 0.2, times `gain`, limited to [-clamp, clamp]) at a higher sampling rate (figure 4b).

    Args:
        up: factor from the rate of `x` to that of the nonlinearity.
        down: factor from there to the rate of the output.
    """
    # the nonlinearity commutes with a gain, so the filter applies it: its square root in each axis
    x = upsample(x, up_taps * gain**0.5, up, down * (size - 1) + down_taps.shape[-1])
    x = F.leaky_relu(x, 0.2, inplace=True)  # these are the largest tensors of a network
    return downsample(x if clamp is None else x.clamp(-clamp, clamp), down_taps, down)
