"""What every reader returns, and what readers share."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.sizes import MOST_BLOCKS, resolutions
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.lora import Adapter


@dataclass(frozen=True)
class Weights:
    """The arguments of a network's class and its state dict."""

    config: dict[str, Any]
    state: dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """The networks of a file, renamed to ours, and the facts about it."""

    family: str
    generator: Weights
    discriminator: Weights | None
    facts: SourceFacts
    discriminator_problem: str | None = None
    """Why the file's discriminator is not read; None where it is, or where there is none."""
    adapter: Adapter | None = None
    """A low-rank adapter that is still to be folded into the generator's weights."""


@contextmanager
def reading(what: str) -> Generator[None]:
    """Adds to every refusal inside what the tensors are read as, such as `rosinality's StyleGAN2`."""
    try:
        yield
    except CheckpointError as e:
        raise CheckpointError(f"read as {what}: {e}") from e


def attempt(read: Callable[[], Weights]) -> tuple[Weights | None, str | None]:
    """Returns the weights of a discriminator, or None and why they are not read: its file can do without it."""
    try:
        return read(), None
    except CheckpointError as e:
        return None, str(e)


def brief(value: Any) -> str:
    """Returns a value from a file as a few words for a message; what is nested in it is not walked."""
    return repr(value)[:80] if value is None or isinstance(value, (str, int, float)) else f"a {type(value).__name__}"


def image_sizes(blocks: int) -> list[int]:
    """Returns 4, 8, 16, ...: the image sizes of so many blocks.

    Raises:
        CheckpointError: none, or more than any generator has.
    """
    if not 0 < blocks <= MOST_BLOCKS:
        raise CheckpointError(f"it has {blocks} blocks, each of which doubles the image; generators have 1 to {MOST_BLOCKS}")
    return resolutions(blocks)
