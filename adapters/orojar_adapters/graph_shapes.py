"""The shapes of everything in a graph, found without computing or allocating any of it."""

import logging
from collections.abc import Generator as Yielding
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from orojar_adapters.graph import argument, call, last_uses

LARGEST_RESULT = 2**28
"""Values of one result for a batch of two: four times those of the largest feature maps of a generator of 1024 pixels."""
LARGEST_TOGETHER = 2**30
"""Values of all results that are needed at one time, for the same batch."""
BATCH = 2


class Measured(TorchDispatchMode):
    """Refuses every result that is larger than any generator's."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (list, tuple)) else [result]:
            if isinstance(tensor, Tensor) and tensor.numel() > LARGEST_RESULT:
                raise ValueError(f"it makes {' x '.join(map(str, tensor.shape))} values, no generator does")
        return result


@contextmanager
def _quiet() -> Yielding[None]:
    """torch also logs, at length, what it then raises."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = disabled


Shapes = dict[str, tuple[int, ...]]


def shapes_of(nodes: list[Any], weights: dict[str, list[int]], latent_shape: list[int], num_classes: int) -> Shapes:
    """The shape of every tensor in a graph for a batch of two, weights included.

    Raises:
        ValueError: an operation that does not go with its arguments, or results larger than any generator's.
    """
    finished = last_uses(nodes, [])
    held: dict[str, int] = {}
    together = 0
    shapes: Shapes = {}
    with _quiet(), FakeTensorMode(), Measured(), torch.no_grad():
        results: dict[str, Any] = {name: torch.empty(shape, device="cpu") for name, shape in weights.items()}
        results["z"] = torch.empty(BATCH, *latent_shape, device="cpu")
        results["labels"] = torch.empty(BATCH, num_classes, device="cpu")
        for (name, operation, args, keywords), done in zip(nodes, finished, strict=True):
            try:
                result = call(operation, argument(args, results), argument(keywords, results))
            except Exception as e:  # whatever torch says of arguments that do not fit
                first = (str(e).splitlines() or [""])[0][:200]
                raise ValueError(f"the graph's {name[:80]!r} ({operation}) cannot be computed: {first}") from e
            results[name] = result
            parts = result if isinstance(result, (list, tuple)) else [result]
            held[name] = sum(part.numel() for part in parts if isinstance(part, Tensor))
            together += held[name]
            if together > LARGEST_TOGETHER:
                raise ValueError(f"the graph holds {together:,} values at {name[:80]!r}, no generator does")
            together -= sum(held.pop(each, 0) for each in done)
            if isinstance(result, Tensor):
                shapes[name] = tuple(result.shape)
    return {name: tuple(shape) for name, shape in weights.items()} | shapes


def check_runs(module: nn.Module, latent_shape: tuple[int, ...], num_classes: int) -> None:
    """Refuses a module that cannot take a batch of latents, or makes results larger than any generator's.

    Raises:
        ValueError: says what it met.
    """
    try:
        with _quiet(), FakeTensorMode(allow_non_fake_inputs=True), Measured(), torch.no_grad():
            image = module(torch.empty(BATCH, *latent_shape), *([torch.empty(BATCH, num_classes)] if num_classes else []))
    except Exception as e:  # whatever torch says of arguments that do not fit
        raise ValueError(f"{type(e).__name__}: {(str(e).splitlines() or [''])[0][:200]}") from e
    if not isinstance(image, Tensor) or image.ndim != 4:
        raise ValueError("it puts out something else than a batch of images")
