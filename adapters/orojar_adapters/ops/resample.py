"""Factor-2 resampling with the FIR filter [1, 3, 3, 1] (Karras et al., StyleGAN2, CVPR 2020).

The filter is separable, so it runs as two depthwise convolutions of 4 taps: on a CPU that is faster than one of 4 x 4.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


def blur(
    x: Float[Tensor, "batch channels height width"], padding: int, gain: float = 1.0, stride: int = 1
) -> Float[Tensor, "batch channels out_height out_width"]:
    """`x`, zero-padded on all sides, filtered with the outer product of [1, 3, 3, 1] / 8, times `gain`.

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
    """`x` at twice the size: zeros between the pixels, then the filter.

    With these taps that is bilinear interpolation of the zero-padded image, for which torch has a fast kernel.
    """
    return F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear")[:, :, 2:-2, 2:-2]


def conv_upsample(
    x: Float[Tensor, "batch in_channels height width"],
    weight: Float[Tensor, "out_channels in_channels 3 3"],
) -> Float[Tensor, "batch out_channels out_height out_width"]:
    """A 3 x 3 convolution of the zero-interleaved image, then the filter: twice the size."""
    return blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4)


def conv_downsample(
    x: Float[Tensor, "batch in_channels height width"],
    weight: Float[Tensor, "out_channels in_channels kernel kernel"],
) -> Float[Tensor, "batch out_channels out_height out_width"]:
    """The filter, then a convolution (3 x 3 or 1 x 1) with stride 2: half the size."""
    if weight.shape[-1] == 1:
        return F.conv2d(blur(x, padding=1, stride=2), weight)
    return F.conv2d(blur(x, padding=2), weight, stride=2)
