"""The mapping network of the StyleGAN families: z and a label to w."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from orojar_adapters.ops.activation import normalize_second_moment
from orojar_adapters.ops.linear import EqualizedLinear


class Mapping(nn.Module):
    """A stack of fully connected layers (Karras et al., StyleGAN, CVPR 2019, section 2).

    Args:
        latent_size: width of z; 0 where a label is the only input, as in the discriminator.
        num_classes: width of the label; 0 for none.
        w_size: width of the output.
        depth: number of layers.
        width: width of the layers before the last.
        lr_multiplier: learning-rate multiplier of these layers.
    """

    w_avg: Tensor

    def __init__(self, latent_size: int, num_classes: int, w_size: int, depth: int, width: int, lr_multiplier: float) -> None:
        super().__init__()
        self.depth = depth
        if num_classes:
            self.embed = EqualizedLinear(num_classes, w_size)
        sizes = [latent_size + (w_size if num_classes else 0), *[width] * (depth - 1), w_size]
        for i, (in_size, out_size) in enumerate(pairwise(sizes)):
            setattr(self, f"fc{i}", EqualizedLinear(in_size, out_size, lr_multiplier=lr_multiplier, lrelu=True))
        if latent_size:
            self.register_buffer("w_avg", torch.zeros(w_size))

    def forward(
        self, z: Float[Tensor, "batch latent"] | None, labels: Float[Tensor, "batch classes"] | None
    ) -> Float[Tensor, "batch w"]:
        parts = [] if z is None else [normalize_second_moment(z)]
        if labels is not None:
            parts.append(normalize_second_moment(self.embed(labels)))
        x = torch.cat(parts, dim=1)
        for i in range(self.depth):
            x = getattr(self, f"fc{i}")(x)
        return x

    def layerwise(
        self, w: Float[Tensor, "batch w"], layers: int, truncation: float, cutoff: int | None
    ) -> Float[Tensor, "batch layers w"]:
        """Repeats w for every layer, truncated toward the mean w in the layers before the cutoff (None: in all)."""
        ws = w[:, None].repeat(1, layers, 1)
        if truncation == 1:
            return ws
        end = layers if cutoff is None else cutoff
        return torch.cat([self.w_avg.lerp(ws[:, :end], truncation), ws[:, end:]], dim=1)
