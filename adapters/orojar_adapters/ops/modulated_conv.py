"""Convolution whose input channels are scaled per sample (Karras et al., StyleGAN2, CVPR 2020, section 2.2)."""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters.ops.resample import conv_upsample


def modulated_conv(
    x: Float[Tensor, "batch in_channels height width"],
    weight: Float[Tensor, "out_channels in_channels kernel kernel"],
    styles: Float[Tensor, "batch in_channels"],
    demodulate: bool = True,
    up: bool = False,
) -> Float[Tensor, "batch out_channels out_height out_width"]:
    """`x` convolved with `weight * styles`, its output brought back to unit variance where `demodulate`.

    Scaling the input, convolving once and scaling the output (equations 1 and 3) gives what one kernel per sample gives,
    without a grouped convolution.

    Args:
        up: whether the image is doubled in size on the way.
    """
    x = x * rearrange(styles, "b i -> b i 1 1")
    kernel = weight.shape[-1]
    x = conv_upsample(x, weight) if up else F.conv2d(x, weight, padding=kernel // 2)
    if not demodulate:
        return x
    norms = styles.square() @ weight.square().sum(dim=(2, 3)).T
    return x * rearrange((norms + 1e-8).rsqrt(), "b o -> b o 1 1")
