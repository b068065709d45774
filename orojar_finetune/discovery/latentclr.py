"""`latentclr`: contrastive directions (LatentCLR, Yüksel et al., ICCV 2021, with global linear directions), by descent.

A direction is to change the features alike at every latent, and otherwise than every other direction does. As in the authors'
code changes are compared by the absolute cosine: a direction and its opposite are one. Theirs are free unit vectors, here they
are orthonormal; and as in SimCLR's NT-Xent positives stand in the denominator too, which keeps the loss positive.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from orojar_finetune.config import DiscoverConfig, LatentCLROptions
from orojar_finetune.discovery.bases import descend_basis, random_basis
from orojar_finetune.discovery.moved_features import moved_features
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import rng


def find(space: LatentSpace, config: DiscoverConfig, processes: Processes) -> Float[Tensor, "count size"]:
    """The orthonormal basis whose directions are easiest to tell apart by what they change, on fresh latents every step.

    The features are those of `activations`, or where none are named of the middle one of the layers that the steps move.

    Raises:
        ValueError: a single direction, which there is nothing to compare with.
    """
    options: LatentCLROptions = config.options
    if config.count < 2:
        raise ValueError(f"latentclr tells directions from each other: count must be at least 2, got {config.count}")
    changing = moved_features(space, config.seed, options.activations)
    layers = changing if options.activations else (changing[len(changing) // 2],)
    scale = space.covariance(torch.Generator().manual_seed(config.seed)).diagonal().mean().sqrt()

    def loss(basis: Tensor, step: int) -> Tensor:
        everyone = space.sample(options.latents, rng(config.seed, "latentclr", step))
        latents, steps = everyone[processes.rows(options.latents)], options.shift * scale * basis
        return contrast(processes.gather(changes(space, latents, steps, layers, config.batch_size)), options.temperature)

    start = random_basis(config.count, space.size, config.seed).to(space.generator.device)
    return descend_basis(loss, start, options, processes)


def changes(
    space: LatentSpace, latents: Latents, steps: Float[Tensor, "count size"], layers: tuple[int, ...], batch_size: int
) -> Float[Tensor, "batch count values"]:
    """Returns the change of the features by each step at each latent, scaled to length 1; layers have equal weight.

    Args:
        batch_size: the most images whose way through the generator is kept for the gradient; more are generated twice.
    """

    def features(at: Latents, rows: Tensor) -> list[Tensor]:
        return [values.flatten(1) for values in space.outputs(at, space.moves(rows), layers)[1:]]

    def changed(at: Latents, before: list[Tensor], some: Tensor) -> Tensor:
        after = features(at, some.repeat_interleave(len(at), dim=0))
        each = [F.normalize(a.unflatten(0, (len(some), len(at))) - b, dim=2) for a, b in zip(after, before, strict=True)]
        return torch.cat(each, dim=2) / len(each) ** 0.5

    whole = len(steps) * len(latents) <= batch_size
    batches = []
    for first in range(0, len(latents), batch_size):
        at = latents[first : first + batch_size]
        with torch.no_grad():
            before = features(at, steps.new_zeros(len(at), space.size))
        parts = steps.split(max(1, batch_size // len(at)))
        each = [
            changed(at, before, part) if whole else checkpoint(changed, at, before, part, use_reentrant=False) for part in parts
        ]
        batches.append(torch.cat(each))
    return torch.cat(batches, dim=1).transpose(0, 1)


def contrast(changes: Float[Tensor, "batch count values"], temperature: float) -> Float[Tensor, ""]:
    """NT-Xent: positives are the same direction's changes at other latents, negatives those of the other directions.

    The mean over all changes of -log(P / (P + N)), with P and N the sums of exp(|cosine| / temperature) over the positives
    and the negatives of each.

    Args:
        changes: of length 1.
    """
    batch, count = changes.shape[:2]
    rows = changes.flatten(0, 1)
    similarities = (rows @ rows.T).abs() / temperature
    direction = torch.arange(count, device=rows.device).repeat(batch)
    alike = direction[:, None] == direction
    itself = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    positives = similarities.masked_fill(~alike | itself, -torch.inf).logsumexp(dim=1)
    return (similarities.masked_fill(itself, -torch.inf).logsumexp(dim=1) - positives).mean()
