"""Convolution whose input channels are scaled per sample (Karras et al., StyleGAN2, CVPR 2020, section 2.2)."""

import torch
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
    """Convolves `x` with `weight * styles`; `demodulate` scales the output back to unit variance.

    Scaling the input, convolving once and scaling the output (equations 1 and 3) is the same as one kernel per sample, without
    a grouped convolution.

    Args:
        up: whether the image is also doubled in size.
    """
    x = x * rearrange(styles, "b i -> b i 1 1")
    kernel = weight.shape[-1]
    x = conv_upsample(x, weight) if up else F.conv2d(x, weight, padding=kernel // 2)
    if not demodulate:
        return x
    wide = torch.promote_types(styles.dtype, torch.float32)  # sums of squares would overflow float16
    with torch.autocast(x.device.type, enabled=False):
        norms = styles.to(wide).square() @ weight.to(wide).square().sum(dim=(2, 3)).T
        scale = (norms + 1e-8).rsqrt().to(x.dtype)
    return x * rearrange(scale, "b o -> b o 1 1")
