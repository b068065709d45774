"""The modules in NVlabs' PyTorch pickles: their settings and tensors.

Each module is a record of `_reconstruct_persistent_obj` with its class name, the Python source that NVlabs' own loader
executes, and its state.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import brief
from orojar_adapters.readers.records import TensorReader, called
from orojar_adapters.readers.tensors import Tensors

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
LONGEST_NAME = 200


class Module:
    """A module and all those below it.

    Attributes:
        parts: the attributes of each module by its dotted name with a dot behind it; its own are under the empty name.
        class_names: the names of their classes.
        source: the Python source that it embeds.

    Raises:
        CheckpointError: not a tree of modules.
    """

    def __init__(self, record: Any) -> None:
        self.source = _meta(record).get("module_src")
        self.parts: dict[str, dict[str, Any]] = {}
        self.class_names: set[str] = set()
        todo, seen = [("", _meta(record))], set()
        while todo:
            prefix, meta = todo.pop()
            if id(meta) in seen:
                raise CheckpointError("a module contains itself or another one twice in this pickle, no generator's do")
            seen.add(id(meta))
            self.parts[prefix] = meta["state"]
            self.class_names.add(brief(meta.get("class_name")))
            for name, child in _items(meta["state"], "_modules"):
                if called(child) == PERSISTENT:
                    todo.append((_dotted(prefix, f"{name}."), _meta(child)))

    def tensors(self) -> Tensors:
        """Returns the parameters and buffers by dotted name."""
        return Tensors(self._records(), TensorReader().tensor)

    def _records(self) -> Iterator[tuple[str, Any]]:
        for prefix, state in self.parts.items():
            for kind in ("_parameters", "_buffers"):
                for name, record in _items(state, kind):
                    if record is not None:
                        yield _dotted(prefix, str(name)), record

    def setting(self, part: str, name: str, default: Any = None) -> Any:
        """Returns an attribute of a module below, or the default where there is no such module or attribute."""
        return self.parts.get(part, {}).get(name, default)

    def require(self, setting: str, *allowed: Any) -> None:
        """Checks a setting of all modules that state it.

        Raises:
            CheckpointError: names the module, the setting and its value.
        """
        for part, state in self.parts.items():
            value = state.get(setting, allowed[0])
            if value not in allowed:
                only = " or ".join(map(str, allowed))
                raise CheckpointError(f"{part}{setting} is {brief(value)}, only {only} can be computed here")

    @property
    def source_sha256(self) -> str | None:
        """The digest of the embedded source."""
        return sha256(self.source)


def sha256(source: Any) -> str | None:
    """Returns the digest of Python source in a file, None for anything else."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest() if isinstance(source, str) else None


def _meta(record: Any) -> dict[str, Any]:
    meta = record.args[0] if record.args else None
    if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
        raise CheckpointError("a module in this pickle has no state")
    return meta


def _items(state: dict[str, Any], key: str) -> Any:
    value = state.get(key)
    return value.items() if isinstance(value, dict) else ()


def _dotted(prefix: str, name: str) -> str:
    if len(prefix) + len(name) > LONGEST_NAME:
        raise CheckpointError("the modules in this pickle are nested deeper, or named longer, than any generator's")
    return prefix + name
