"""Spectral norm (Miyato et al., ICLR 2018) divided out of stored weights, as the originals compute it in evaluation mode."""

import torch
from torch import Tensor
from torch.nn import functional as F


def divided_by_estimate(weight: Tensor, u: Tensor) -> Tensor:
    """A weight over its largest singular value, which one power step from the row `u` estimates: BigGAN-PyTorch's way."""
    matrix = weight.float().flatten(1)
    v = F.normalize(u.float() @ matrix, dim=1)
    left = F.normalize(v @ matrix.T, dim=1)
    return weight / (v @ matrix.T @ left.T).squeeze()


def divided_by_stored(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """A weight over the singular value that belongs to the stored vectors `u` and `v`: `torch.nn.utils.spectral_norm`'s way."""
    return weight / torch.dot(u.float(), weight.float().flatten(1) @ v.float())
