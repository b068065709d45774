"""How far directions are from changing the image independently."""

import torch
from jaxtyping import Float
from torch import Tensor


def orthogonality(grams: Float[Tensor, "latents directions directions"]) -> float:
    """The mean over latents and pairs of the squared cosine between the changes that two directions make.

    0 for an orthogonal Jacobian, 1 when all directions do the same. Cosines cannot be lowered by doing less, but directions
    that do nothing can look orthogonal: read it beside the activity.
    """
    return squared_cosines(grams).mean().item()


def squared_cosines(grams: Float[Tensor, "latents directions directions"]) -> Float[Tensor, " latents"]:
    """The same for each latent alone, in float64 on the CPU: the mean over pairs, 0 where there is no pair."""
    size = grams.shape[1]
    if size < 2:
        return torch.zeros(len(grams), dtype=torch.float64)
    lengths = grams.diagonal(dim1=1, dim2=2).clamp_min(torch.finfo(grams.dtype).tiny).sqrt()
    cosines = grams / lengths[:, :, None] / lengths[:, None, :]
    off = ~torch.eye(size, dtype=torch.bool, device=grams.device)
    return cosines.square()[:, off].cpu().double().mean(dim=1)
