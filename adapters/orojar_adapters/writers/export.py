"""What every writer returns, and what they share."""

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
    """What each file holds, by what its name adds to that of the first: tensors, or dictionaries of tensors."""
    networks: dict[str, dict[str, Any]]
    """For `generator` and `discriminator` the `arguments` that their class takes there and their `channels`, as JSON."""
    usage: str
    """How that project's code takes it."""
    notes: list[str] = field(default_factory=list)
    """What stands in the way of that."""
    left_out: str | None = None
    """Why the discriminator is not in it, where one was given and the format cannot hold it."""


def refuse_other_families(generator: Generator, format: str) -> None:
    """These formats are StyleGAN2's.

    Raises:
        ValueError: names the family and the format that holds it.
    """
    if generator.family != "stylegan2":
        raise ValueError(f"--to {format} holds StyleGAN2 generators only, this one is {generator.family}: type --to folder")


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """A network's parameters and buffers as plain tensors on the CPU, by name."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}


def fir() -> Tensor:
    """The resampling filter [1, 3, 3, 1] in two dimensions, a new one each time: safetensors refuses shared memory."""
    taps = torch.tensor(TAPS)
    return torch.outer(taps, taps)


def described(arguments: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """A network as JSON: what its class takes there, and its feature maps by image size."""
    channels = config["channels"]
    sized = zip(resolutions(len(channels)), channels, strict=True)
    return {"arguments": dict(arguments), "channels": {str(size): width for size, width in sized}}
