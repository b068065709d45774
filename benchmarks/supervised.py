"""How well directions could share the true factors: the best that a search which sees the factors comes to.

Not a method, as it needs to know what the pictures are made of: a mark to measure the others by. One direction for each factor,
first along the factor's covariance with the latent, then by descent on the effects that `effects.py` measures.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from tqdm import trange

from orojar_adapters import Generator
from orojar_finetune import Directions, DiscoverConfig
from orojar_finetune.discovery.discovering import chosen_space, measured
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.measures.effects import STILL, read_factors
from orojar_finetune.runtime.draws import rng
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.scenes.reader import FactorReader

SAMPLES = 2048
"""Latents behind the factors' covariances with them, and behind the factors' variances."""
STEPS, LATENTS, RATE = 300, 8, 0.03
"""Of the descent: its length, the latents of a step, and Adam's rate on vectors of unit length, which falls to 0."""


def supervised(generator: Generator, config: DiscoverConfig, reader: FactorReader, steps: int = STEPS) -> Directions:
    """As many directions as factors, each to move one and to be the only one that does.

    Args:
        config: its space, layers, groups and seed; the number of directions is that of the factors.
        steps: of the descent; 0 stays at the covariances.
    """
    space = LatentSpace(generator, chosen_space(generator, config), config.layers, config.part, config.layer_groups)
    covariance = space.covariance(rng(config.seed, "covariance"))
    start, variances = _covariances(space, reader, config.seed)
    found = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([found], RATE)
    for step in trange(steps, desc="descending", leave=False):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        units = F.normalize(found, dim=1)
        sigmas = ((units @ covariance) * units).sum(dim=1).sqrt()
        sign = 1.0 if step % 2 else -1.0
        anchors = space.sample(LATENTS, rng(config.seed, "supervised", step))
        loss = strangers(_effects(space, reader, anchors, sign * units * sigmas[:, None]) / variances)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    basis = F.normalize(found.detach(), dim=1)
    return measured(space, basis, config, Processes(progress=False))


def strangers(effects: Float[Tensor, "factors factors"]) -> Float[Tensor, ""]:
    """How much of what direction i does is not done to factor i, and of what is done to factor i not by direction i, in [0, 1].

    Every factor counts alike, so that none is given up; one that is hardly moved counts as moved by others.
    """
    own = effects.diagonal()
    return 1 - (own / (effects.sum(dim=1) + STILL) + own / (effects.sum(dim=0) + STILL)).mean() / 2


def _covariances(
    space: LatentSpace, reader: FactorReader, seed: int
) -> tuple[Float[Tensor, "factors size"], Float[Tensor, " factors"]]:
    """Of each factor with the latent, at unit length, and the factors' variances."""
    drawn = space.sample(SAMPLES, rng(seed, "factors"))
    parts = [drawn.rows(slice(first, first + 64)) for first in range(0, SAMPLES, 64)]
    seen = torch.cat([read_factors(space, reader, part) for part in parts]).float()
    latents = space.narrow(drawn.latents if space.name == "z" else _side_by_side(space, drawn.latents))
    both = (seen - seen.mean(dim=0)).T @ (latents - latents.mean(dim=0)) / (SAMPLES - 1)
    return F.normalize(both, dim=1), seen.var(dim=0)


def _side_by_side(space: LatentSpace, ws: Float[Tensor, "batch layers w"]) -> Float[Tensor, "batch latent"]:
    """What a step in w or w+ is added to: one w, as all layers have the same, or those of all layers."""
    return ws.flatten(1) if space.name == "w+" else ws[:, 0]


def _effects(
    space: LatentSpace, reader: FactorReader, anchors: Anchors, moves: Float[Tensor, "factors size"]
) -> Float[Tensor, "factors factors"]:
    """The mean squared change of each factor by each move."""
    steps = torch.cat([moves.new_zeros(1, space.size), moves]).repeat_interleave(len(anchors), dim=0)
    before, *after = reader(space.outputs(anchors, steps)[0]).unflatten(0, (-1, len(anchors)))
    return (torch.stack(after) - before).square().mean(dim=1)
