"""Networks as NVlabs' code pickles them: trees of modules with settings, tensors, and Python source.

Their own loaders execute that source; here it is only digested.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.arrays import ArrayReader, number
from orojar_adapters.readers.checkpoint import brief
from orojar_adapters.readers.records import TensorReader, called
from orojar_adapters.readers.tensors import Tensors

MODULE = "torch_utils.persistence._reconstruct_persistent_obj"
NETWORK = "dnnlib.tflib.network.Network"
LONGEST_NAME = 200
Default = TypeVar("Default", bound=float | None)
State = dict[str, Any]


class Module:
    """A network of NVlabs' PyTorch code (`torch_utils.persistence`), a tree of modules with dotted names.

    Attributes:
        states: the attributes of each module, by its name and a dot; those of the whole network are under the empty name.
        class_names: the names of all classes.
        tensors: all parameters and buffers by dotted name.
        source_sha256: the digest of the embedded source.
    """

    def __init__(self, record: Any) -> None:
        metas = _tree(record, _meta, lambda meta: _items(meta["state"], "_modules", MODULE), ".")
        self.states: dict[str, State] = {prefix: meta["state"] for prefix, meta in metas.items()}
        self.class_names = sorted({brief(meta.get("class_name")) for meta in metas.values()})
        self.tensors = Tensors(_parameters(self.states), TensorReader().tensor)
        self.source_sha256 = _sha256(metas[""].get("module_src"))

    def setting(self, module: str, name: str, default: Any = None) -> Any:
        """Returns an attribute of a module, the default where there is no such module or attribute."""
        return self.states.get(module, {}).get(name, default)

    def require(self, setting: str, *allowed: Any) -> None:
        """Checks a setting of all modules that state it.

        Raises:
            CheckpointError: names the module, the setting and its value.
        """
        for prefix, state in self.states.items():
            if (value := state.get(setting, allowed[0])) not in allowed:
                only = " or ".join(map(str, allowed))
                raise CheckpointError(f"{prefix}{setting} is {brief(value)}, only {only} can be computed here")


class Network:
    """A network of NVlabs' TensorFlow code (`dnnlib.tflib`) and those that it is made of.

    Attributes:
        tensors: all variables by name.
        source_sha256: the digest of the embedded source.
    """

    def __init__(self, record: Any) -> None:
        states = _tree(record, _network_state, lambda state: _items(state, "components"), "/")
        self.settings = [given for state in states.values() if isinstance(given := state.get("static_kwargs"), dict)]
        self.tensors = Tensors(_variables(states), ArrayReader().tensor)
        self.tensors.drop("lod")  # of progressive growing, which StyleGAN2 does without
        self.source_sha256 = _sha256(states[""].get("build_module_src"))

    def setting(self, name: str, default: Any) -> Any:
        """Returns a setting of the network, else of one that it is made of, else the default."""
        return next((settings[name] for settings in self.settings if name in settings), default)

    def number(self, name: str, default: Default) -> float | Default:
        """Returns a setting that is a number, the default where it is None or not stated."""
        value = self.setting(name, None)
        return default if value is None else float(number(value))

    def require(self, name: str, wanted: Any) -> None:
        """Checks a setting that has only one value here, which is also the default of the original code.

        Raises:
            CheckpointError: names the setting and its value.
        """
        value = self.setting(name, wanted)
        if (list(value) if isinstance(value, tuple) else value) != wanted:
            raise CheckpointError(f"its {name} is {brief(value)}, only {wanted!r} can be computed here")


def _tree(
    record: Any, state_of: Callable[[Any], State], children: Callable[[State], list[tuple[Any, Any]]], separator: str
) -> dict[str, State]:
    """Returns what `state_of` gives for a record and for all those below it, by the prefix of their names."""
    found: dict[str, State] = {}
    todo, seen = [("", record)], set()
    while todo:
        prefix, part = todo.pop()
        state = found[prefix] = state_of(part)
        if id(state) in seen:
            raise CheckpointError("a network in this pickle contains itself or another one twice: refused")
        seen.add(id(state))
        todo += [(_joined(prefix, f"{name}{separator}"), child) for name, child in children(state)]
    return found


def _meta(record: Any) -> State:
    meta = record.args[0] if record.args else None
    if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
        raise CheckpointError("a module in this pickle has no state")
    return meta


def _network_state(record: Any) -> State:
    if called(record) != NETWORK or not isinstance(record.state, dict):
        raise CheckpointError("a network in this pickle has no state")
    return record.state


def _items(state: State, key: str, kind: str | None = None) -> list[tuple[Any, Any]]:
    """Returns the items of a dictionary in a state, of those records that call `kind` where it is given."""
    value = state.get(key)
    return [item for item in value.items() if kind in (None, called(item[1]))] if isinstance(value, dict) else []


def _parameters(states: dict[str, State]) -> Iterator[tuple[str, Any]]:
    for prefix, state in states.items():
        for name, record in (*_items(state, "_parameters"), *_items(state, "_buffers")):
            if record is not None:
                yield _joined(prefix, str(name)), record


def _variables(states: dict[str, State]) -> Iterator[tuple[str, Any]]:
    for prefix, state in states.items():
        variables = state.get("variables")
        for pair in variables if isinstance(variables, list) else ():
            if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], str):
                raise CheckpointError("expected the variables of a network as pairs of a name and an array")
            yield _joined(prefix, pair[0]), pair[1]


def _joined(prefix: str, name: str) -> str:
    if len(prefix) + len(name) > LONGEST_NAME:
        raise CheckpointError("the networks in this pickle are nested deeper, or named longer, than any generator's")
    return prefix + name


def _sha256(source: Any) -> str | None:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest() if isinstance(source, str) else None
