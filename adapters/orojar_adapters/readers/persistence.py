"""The modules of NVlabs' PyTorch pickles: their states and tensors.

Each module is a record of `_reconstruct_persistent_obj` with its class name, the Python source that NVlabs' own loader
executes, and its state.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import brief
from orojar_adapters.readers.tensors import TensorReader, called

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
LONGEST_NAME = 200
MOST_TENSORS = 10_000
Meta = dict[str, Any]


def networks(value: Any) -> dict[str, Meta]:
    """The modules at the top of a pickle; a bare module counts as the generator."""
    items = value.items() if isinstance(value, dict) else [("G", value)]
    metas = {str(name): _meta(item) for name, item in items if called(item) == PERSISTENT}
    return {name: meta for name, meta in metas.items() if name in ("G", "D", "G_ema")}


def _meta(record: Any) -> Meta:
    meta = record.args[0] if record.args else None
    if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
        raise CheckpointError("a module in this pickle has no state")
    return meta


def modules_of(meta: Meta) -> Iterator[tuple[str, Meta]]:
    """This module and every one below it, each once, with its dotted name.

    Raises:
        CheckpointError: no tree of modules.
    """
    todo, seen = [("", meta)], set()
    while todo:
        prefix, module = todo.pop()
        if id(module) in seen:
            raise CheckpointError("a module contains itself or another one twice in this pickle, no generator's do")
        seen.add(id(module))
        yield prefix, module
        children = module["state"].get("_modules")
        for name, child in (children if isinstance(children, dict) else {}).items():
            if called(child) == PERSISTENT:
                todo.append((_dotted(prefix, f"{name}."), _meta(child)))


def _dotted(prefix: str, name: str) -> str:
    if len(prefix) + len(name) > LONGEST_NAME:
        raise CheckpointError("the modules in this pickle are nested deeper, or named longer, than any generator's")
    return prefix + name


def tensors_of(meta: Meta) -> dict[str, Tensor]:
    """The parameters and buffers of a module and of those below it, by dotted name.

    Raises:
        CheckpointError: something else in their place.
    """
    reader, state = TensorReader(), {}
    for prefix, module in modules_of(meta):
        for kind in ("_parameters", "_buffers"):
            tensors = module["state"].get(kind)
            for name, record in (tensors if isinstance(tensors, dict) else {}).items():
                if record is not None:
                    state[_dotted(prefix, str(name))] = reader.tensor(record)
            if len(state) > MOST_TENSORS:
                raise CheckpointError(f"a network in this pickle has more than {MOST_TENSORS:,} tensors, no generator has")
    return state


def require(module: Meta, name: str, setting: str, allowed: tuple) -> None:
    """Refuses a module with another setting; one that the module does not state is the first of those allowed.

    Raises:
        CheckpointError: names the setting and what it is.
    """
    value = module["state"].get(setting, allowed[0])
    if value not in allowed:
        raise CheckpointError(f"{name}{setting} is {brief(value)}, only {' or '.join(map(str, allowed))} can be computed here")


def source_sha256(meta: Meta) -> str | None:
    """The digest of the source that a module embeds."""
    text = meta.get("module_src")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if isinstance(text, str) else None
