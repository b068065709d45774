"""What every reader returns."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.lora import Adapter
from orojar_adapters.networks.stylegan2_sizes import MOST_BLOCKS, resolutions


@dataclass(frozen=True)
class Weights:
    """The arguments of a network's class and its state dict."""

    config: dict[str, Any]
    state: dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A file's generator in our names, its discriminator where it has one that we read, else why not, and other facts."""

    family: str
    generator: Weights
    discriminator: Weights | None
    facts: SourceFacts
    discriminator_problem: str | None = None
    adapter: Adapter | None = None
    """What is still to be folded into the generator's weights."""


def attempt(read: Callable[[], Weights]) -> tuple[Weights | None, str | None]:
    """The weights of a network that its file can do without, or else why they are not read."""
    try:
        return read(), None
    except CheckpointError as e:
        return None, str(e)


def brief(value: Any) -> str:
    """A value out of a file as a few words for a message: what is nested in it is never walked."""
    return repr(value)[:80] if value is None or isinstance(value, (str, int, float)) else f"a {type(value).__name__}"


def size_of(state: dict[str, Tensor], name: str, dim: int) -> int:
    """One dimension of a tensor that must be there.

    Raises:
        CheckpointError: it is not, or has fewer dimensions.
    """
    if name not in state or state[name].ndim <= dim:
        found = tuple(state[name].shape) if name in state else "nothing of that name"
        raise CheckpointError(f"expected the tensor {name!r} with more than {dim} dimensions, found {found}")
    return state[name].shape[dim]


def count_of(state: Container[str], pattern: str, start: int = 0) -> int:
    """How many of the numbered names `pattern.format(start)`, `pattern.format(start + 1)`, ... there are in a row."""
    count = 0
    while pattern.format(start + count) in state:
        count += 1
    return count


def block_sizes(state: Container[str], pattern: str, first: int = 0) -> list[int]:
    """4, 8, 16, ...: the image sizes of blocks, told by the numbered names of those from the first one on.

    Raises:
        CheckpointError: none, or more of them than any generator has.
    """
    blocks = first + count_of(state, pattern)
    if not blocks:
        raise CheckpointError(f"expected the tensor {pattern.format(0)!r}, it is missing")
    if blocks > MOST_BLOCKS:
        raise CheckpointError(f"its images would be 4 pixels doubled {blocks - 1} times in size, no generator's are")
    return resolutions(blocks)
