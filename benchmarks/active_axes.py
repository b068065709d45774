"""How independent those coordinates of z are that move the picture: idle ones would count as much."""

from typing import Any

import torch

from orojar_adapters import Generator
from orojar_finetune import Directions
from orojar_finetune.measures.held_out import scores_of
from orojar_finetune.runtime.processes import Processes

LATENTS, SEED = 64, 1 << 20
LEAST = 0.01
"""Of the activity of the most active one."""


def active_ones(generator: Generator, axes: Directions) -> dict[str, Any]:
    """How many coordinates are a hundredth as active as the most active one or more, and the mean squared cosine among them."""
    processes = Processes(progress=False)
    activities = scores_of(generator, axes, LATENTS, SEED, processes).activities
    active = axes.take(torch.nonzero(activities >= LEAST * activities.max()).flatten().tolist())
    found = scores_of(generator, active, LATENTS, SEED, processes).orthogonality if len(active) > 1 else 0.0
    return {"active ones": len(active), "orthogonality of active ones": found}
