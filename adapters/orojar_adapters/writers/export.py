"""What every writer returns, and what writers share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from orojar_adapters.contract.generator import Generator
from orojar_adapters.contract.sizes import resolutions
from orojar_adapters.ops.resample import TAPS


@dataclass(frozen=True)
class Export:
    """A generator in another project's format, not yet on disk."""

    files: dict[str, dict[str, Any]]
    """The tensors of each file, or dictionaries of them, by the suffix that is added to the name of the first file."""
    networks: dict[str, dict[str, Any]]
    """For `generator` and `discriminator` the `arguments` of their class in that project, and their `channels`, as JSON."""
    usage: str
    """How that project's code loads it."""
    notes: list[str] = field(default_factory=list)
    """What has to be changed in that project's code first."""
    left_out: str | None = None
    """Why a discriminator that was given is left out; None where it is not."""


def refuse_other_families(generator: Generator, format: str) -> None:
    """Checks that a generator is a StyleGAN2, which is all that these formats hold.

    Raises:
        ValueError: names the family, and the format that holds it.
    """
    if generator.family != "stylegan2":
        raise ValueError(f"--to {format} holds StyleGAN2 generators only, this one is {generator.family}: type --to folder")


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Returns a network's parameters and buffers as plain tensors on the CPU, by name."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}


def fir() -> Tensor:
    """Returns the filter [1, 3, 3, 1] in two dimensions, a new tensor each time: safetensors refuses shared memory."""
    taps = torch.tensor(TAPS)
    return torch.outer(taps, taps)


def described(arguments: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a network as JSON: the arguments of its class in that project, and its feature maps by image size."""
    channels = config["channels"]
    sized = zip(resolutions(len(channels)), channels, strict=True)
    return {"arguments": dict(arguments), "channels": {str(size): width for size, width in sized}}
