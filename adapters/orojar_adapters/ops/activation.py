"""Activations and normalizations of the StyleGAN families."""

import math

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def biased_lrelu(
    x: Float[Tensor, "batch channels *space"],
    bias: Float[Tensor, " channels"],
    gain: float = math.sqrt(2),
    clamp: float | None = None,
) -> Float[Tensor, "batch channels *space"]:
    """Returns the leaky ReLU (slope 0.2) of `x + bias`, times `gain`, limited to [-clamp, clamp] where a clamp is given."""
    x = F.leaky_relu(x + bias.view(-1, *[1] * (x.ndim - 2)), 0.2) * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def normalize_second_moment(x: Float[Tensor, "batch channels *space"]) -> Float[Tensor, "batch channels *space"]:
    """Scales each row, or each pixel's features, to a mean square of 1 (pixel norm; Karras et al., ICLR 2018, section 4.2)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
