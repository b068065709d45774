"""The style space of a generator (Wu et al., StyleSpace, CVPR 2021) as if it were its w, so that any method can look at it."""

import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from orojar_adapters import Generator


class Given(nn.Module):
    """In place of a modulation layer: its part of the styles, which come ready-made."""

    def __init__(self, first: int, end: int) -> None:
        super().__init__()
        self.first, self.end = first, end

    def forward(self, styles: Float[Tensor, "batch styles"]) -> Float[Tensor, "batch part"]:
        return styles[:, self.first : self.end]


def in_styles(generator: Generator) -> Generator:
    """A generator of the same images whose w are the styles of all its layers, one behind the other.

    Args:
        generator: stays as it is; of a family that has a mapping, and linear layers through which w modulates the synthesis.
    """
    copied = copy.deepcopy(generator)
    modulations = nn.ModuleList()
    total = 0
    for name in copied.tunable["affine"]:
        place, _, last = name.rpartition(".")
        modulation = copied.get_submodule(name)
        modulations.append(modulation)
        width = len(modulation.get_parameter("bias"))
        setattr(copied.get_submodule(place), last, Given(total, total + width))
        total += width

    def styles(_: nn.Module, __: Any, w: Tensor) -> Tensor:
        return torch.cat([modulation(w) for modulation in modulations], dim=1)

    copied.get_submodule("mapping").register_forward_hook(styles)
    copied.w_size = total
    return copied
