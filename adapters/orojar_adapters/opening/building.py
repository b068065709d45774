"""Builds networks from weights; shapes are compared before anything is allocated."""

from collections.abc import Generator as Yielding
from contextlib import contextmanager
from typing import TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights

Network = TypeVar("Network", bound=ModelMixin)
LONGEST_MESSAGE = 480
SLACK = 2**20
"""Bytes that tensors may share."""
UNFORESEEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError, EOFError)
"""Errors that damaged files cause where no reader checks for the damage and reports it itself."""


@contextmanager
def naming(source: str) -> Yielding[None]:
    """Turns any error while a source is read into a one-sentence CheckpointError that names the source."""
    try:
        yield
    except CheckpointError as e:
        raise CheckpointError(sentence(f"cannot read {source}: {e}")) from e
    except OSError as e:
        raise CheckpointError(sentence(f"cannot read {source}: {e.strerror or e}")) from e
    except UNFORESEEN as e:
        found = f"{type(e).__name__}: {str(e)[:200]}"
        raise CheckpointError(sentence(f"cannot read {source}: it is damaged in an unforeseen way ({found})")) from e


def sentence(text: str) -> str:
    """Returns a text as one printable line of limited length, whatever names from the file are in it."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 10 * LONGEST_MESSAGE]).split())
    if len(line) <= LONGEST_MESSAGE:
        return line
    return f"{line[: LONGEST_MESSAGE // 2]} ... {line[-LONGEST_MESSAGE // 2 + 5 :]}"  # what was expected stands at the end


def build(cls: type[Network], weights: Weights, source: str) -> Network:
    """Returns a network of a class with these weights, in float32, ready for inference.

    Raises:
        CheckpointError: invalid sizes; or tensors that are missing, unknown, of another shape, or not finite.
    """
    try:
        with torch.device("meta"):
            network = cls(**weights.config)
    except UNFORESEEN as e:  # its arguments may come from a file, and every family has its own
        raise CheckpointError(sentence(f"cannot read {source}: {e}")) from e
    expected = network.state_dict()
    if problem := _difference(expected, weights.state):
        raise CheckpointError(sentence(f"cannot read {source} as {cls.__name__}: {problem}"))
    if _shared(weights.state):
        raise CheckpointError(f"cannot read {source}: its tensors share their values, which those of a {cls.__name__} never do")
    state = {}
    for name in expected:
        tensor = weights.state[name].detach().to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        if not torch.isfinite(tensor).all():
            raise CheckpointError(sentence(f"cannot read {source}: its tensor {name!r} holds values that are not finite"))
        state[name] = tensor
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(True)


def _difference(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or extra:
        return f"missing tensors {missing[:3]}, unknown tensors {[name[:80] for name in extra[:3]]}"
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            return f"{name!r} should have the shape {tuple(tensor.shape)}, but has {tuple(found[name].shape)}"
        if not found[name].is_floating_point():
            return f"{name!r} should hold floating-point values, but holds {found[name].dtype}"
    return None


def _shared(state: dict[str, Tensor]) -> bool:
    """Returns whether tensors share memory: copies of them could then need far more memory than the size of their file."""
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in state.values()}
    return sum(tensor.nbytes for tensor in state.values()) > sum(held.values()) + SLACK
