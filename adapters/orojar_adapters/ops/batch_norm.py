"""Batch normalization by stored statistics, in training mode too, as a trained generator needs it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def batch_norm(
    x: Float[Tensor, "batch channels height width"],
    mean: Float[Tensor, "#batch channels"],
    variance: Float[Tensor, "#batch channels"],
    gain: Float[Tensor, "#batch channels"],
    bias: Float[Tensor, "#batch channels"],
    eps: float,
) -> Float[Tensor, "batch channels height width"]:
    """Returns `(x - mean) / sqrt(variance + eps) * gain + bias`, each per channel, or per image and channel."""
    scale = gain * (variance + eps).rsqrt()
    shift = bias - mean * scale
    return x * scale[:, :, None, None] + shift[:, :, None, None]


class StoredNorm(nn.Module):
    """Batch norm with a gain and a bias per channel; an image never depends on the others in its batch."""

    stored_mean: Tensor
    stored_var: Tensor

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels height width"]:
        return batch_norm(x, self.stored_mean[None], self.stored_var[None], self.gain[None], self.bias[None], self.eps)
