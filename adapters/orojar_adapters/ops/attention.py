"""Self-attention over the pixels of a feature map (Zhang et al., SAGAN, ICML 2019, section 3)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """Adds a learned mixture of all pixels to every pixel; keys and values are pooled 2 x 2 first, as in BigGAN.

    Args:
        channels: of the feature map, at least 8; keys have an eighth of them, values half.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.o = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros([]))

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels height width"]:
        queries = self.theta(x).flatten(2)
        keys = F.max_pool2d(self.phi(x), 2).flatten(2)
        values = F.max_pool2d(self.g(x), 2).flatten(2)
        weights = torch.softmax(queries.transpose(1, 2) @ keys, dim=-1)
        mixed = (values @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return self.gamma * self.o(mixed) + x
