"""How much directions do."""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.runtime.reproducible import full_precision


@torch.no_grad()
def squared_change(
    space: LatentSpace, anchor: Anchors, steps: Float[Tensor, "directions size"], batch_size: int
) -> Float[Tensor, " directions"]:
    """For each step the squared change of one anchor's image, summed over its values, the mean of forth and back."""
    rows = torch.cat([torch.zeros_like(steps[:1]), steps, -steps])
    still: Tensor | None = None
    changes = []
    with full_precision():
        for part in rows.split(batch_size):
            images = space.outputs(anchor, part)[0].flatten(1)
            still = images[:1].clone() if still is None else still
            changes.append((images - still).square().sum(dim=1))
    return torch.cat(changes)[1:].view(2, -1).mean(dim=0)


def squared_changes(
    space: LatentSpace, anchors: Anchors, steps: Float[Tensor, "directions size"], batch_size: int
) -> Float[Tensor, "latents directions"]:
    """The squared changes at each of several anchors; their mean over latents, over `image_variance`, is the activity."""
    changes = [squared_change(space, anchors.rows(slice(i, i + 1)), steps, batch_size) for i in range(len(anchors))]
    return torch.stack(changes)


@torch.no_grad()
def image_variance(space: LatentSpace, anchors: Anchors, batch_size: int) -> float:
    """The variance of the generator's images over latents, summed over pixels and channels."""
    images = []
    for start in range(0, len(anchors), batch_size):
        part = anchors.rows(slice(start, start + batch_size))
        still = torch.zeros(len(part), space.size, device=part.latents.device)
        images.append(space.outputs(part, still)[0].cpu())
    return torch.cat(images).double().var(dim=0).sum().item()
