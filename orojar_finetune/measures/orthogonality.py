"""How far directions are from changing the image independently."""

import torch
from jaxtyping import Float
from torch import Tensor


def orthogonality(grams: Float[Tensor, "latents directions directions"]) -> float:
    """The mean over latents and pairs of the squared cosine between the changes that two directions make.

    0 for an orthogonal Jacobian, 1 when all directions do the same. Cosines cannot be lowered by doing less, but directions
    that do nothing can look orthogonal: read it beside the activity.
    """
    lengths = grams.diagonal(dim1=1, dim2=2).clamp_min(torch.finfo(grams.dtype).tiny).sqrt()
    squared_cosines = (grams / lengths[:, :, None] / lengths[:, None, :]).square()
    size = grams.shape[1]
    if size < 2:
        return 0.0
    off = squared_cosines.masked_select(~torch.eye(size, dtype=torch.bool, device=grams.device))
    return off.double().mean().item()
