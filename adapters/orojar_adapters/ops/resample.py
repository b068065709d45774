"""Resampling by a factor of 2: with the FIR filter [1, 3, 3, 1], and as the generators before StyleGAN2 do it.

The filter (Karras et al., StyleGAN2, CVPR 2020) is separable, so it runs as two depthwise convolutions of 4 taps: on a CPU that
is faster than one of 4 x 4.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


def blur(
    x: Float[Tensor, "batch channels height width"], padding: int, gain: float = 1.0, stride: int = 1
) -> Float[Tensor, "batch channels out_height out_width"]:
    """Filters `x`, zero-padded on all sides, with the outer product of [1, 3, 3, 1] / 8, times `gain`.

    Returns:
        Every `stride`-th value in both axes: `(size + 2 * padding - 3 - 1) // stride + 1` of them.
    """
    channels = x.shape[1]
    taps = x.new_tensor(TAPS) * gain**0.5
    rows = taps.view(1, 1, 4, 1).expand(channels, 1, 4, 1)
    columns = taps.view(1, 1, 1, 4).expand(channels, 1, 1, 4)
    x = F.conv2d(x, rows, padding=(padding, 0), stride=(stride, 1), groups=channels)
    return F.conv2d(x, columns, padding=(0, padding), stride=(1, stride), groups=channels)


def upsample(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels out_height out_width"]:
    """Returns `x` at twice the size: zeros between the pixels, then the filter.

    With these taps that is bilinear interpolation of the zero-padded image, for which torch has a fast kernel.
    """
    return F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear")[:, :, 2:-2, 2:-2]


def conv_upsample(
    x: Float[Tensor, "batch in_channels height width"],
    weight: Float[Tensor, "out_channels in_channels 3 3"],
) -> Float[Tensor, "batch out_channels out_height out_width"]:
    """Convolves the zero-interleaved image with a 3 x 3 kernel, then filters it: twice the size."""
    return blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4)


def conv_downsample(
    x: Float[Tensor, "batch in_channels height width"],
    weight: Float[Tensor, "out_channels in_channels kernel kernel"],
) -> Float[Tensor, "batch out_channels out_height out_width"]:
    """Filters, then convolves (3 x 3 or 1 x 1) with stride 2: half the size."""
    if weight.shape[-1] == 1:
        return F.conv2d(blur(x, padding=1, stride=2), weight)
    return F.conv2d(blur(x, padding=2), weight, stride=2)


def conv_upsample_nearest(
    x: Float[Tensor, "batch in_channels height width"],
    weight: Float[Tensor, "out_channels in_channels 3 3"],
) -> Float[Tensor, "batch out_channels out_height out_width"]:
    """Repeats each pixel in both axes, then convolves with a 3 x 3 kernel.

    Both in one: every pixel meets the sum of the taps that its copies would meet, which is a transposed convolution with a
    kernel of 4 x 4, at less than half the cost.
    """
    taps = weight.flip(2, 3).transpose(0, 1)
    taps = F.pad(taps, (0, 1, 0, 1)) + F.pad(taps, (1, 0, 0, 1)) + F.pad(taps, (0, 1, 1, 0)) + F.pad(taps, (1, 0, 1, 0))
    return F.conv_transpose2d(x, taps, stride=2, padding=1)


def binomial_blur(x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels height width"]:
    """Filters `x`, zero-padded, with the outer product of [1, 2, 1] / 4, which smooths repeated pixels."""
    channels = x.shape[1]
    taps = x.new_tensor([0.25, 0.5, 0.25])
    x = F.conv2d(x, taps.view(1, 1, 3, 1).expand(channels, 1, 3, 1), padding=(1, 0), groups=channels)
    return F.conv2d(x, taps.view(1, 1, 1, 3).expand(channels, 1, 1, 3), padding=(0, 1), groups=channels)
