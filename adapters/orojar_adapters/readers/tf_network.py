"""Networks as NVlabs' TensorFlow code pickles them: `dnnlib.tflib.network.Network`.

Each keeps its settings (`static_kwargs`), its variables by name, the networks it is made of (`components`), and the Python
source that NVlabs' own loader executes.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.arrays import ArrayReader
from orojar_adapters.readers.checkpoint import brief
from orojar_adapters.readers.tensors import called

NETWORK = "dnnlib.tflib.network.Network"
LONGEST_NAME = 200
MOST_VARIABLES = 10_000


class Network:
    """The settings of a network and all below it, and its variables, which are read when they are taken."""

    def __init__(self, record: Any) -> None:
        self.records: dict[str, Any] = {}
        self.given: list[dict] = []
        self.source = _state(record).get("build_module_src")
        self.reader = ArrayReader()
        for prefix, state in _parts(record):
            settings = state.get("static_kwargs")
            self.given += [settings] if isinstance(settings, dict) else []
            self._add(prefix, state.get("variables"))

    def _add(self, prefix: str, variables: Any) -> None:
        for pair in variables if isinstance(variables, list) else ():
            if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], str):
                raise CheckpointError("the variables of a network in this pickle are no pairs of a name and an array")
            self.records[_joined(prefix, pair[0])] = pair[1]
            if len(self.records) > MOST_VARIABLES:
                raise CheckpointError(f"a network in this pickle has more than {MOST_VARIABLES:,} variables, no generator has")

    @property
    def source_sha256(self) -> str | None:
        """Digest of the Python source that its own loader would execute."""
        if not isinstance(self.source, str):
            return None
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()

    def setting(self, name: str, default: Any) -> Any:
        """A setting of the network, else of one it is made of, else the default of the code."""
        return next((settings[name] for settings in self.given if name in settings), default)

    def require(self, name: str, wanted: Any) -> None:
        """Refuses a setting of another value than the only one that can be computed, which is also the code's default."""
        value = self.setting(name, wanted)
        if (list(value) if isinstance(value, tuple) else value) != wanted:
            raise CheckpointError(f"its {name} is {brief(value)}, only {wanted!r} can be computed here")

    def take(self, name: str, dims: int) -> Tensor:
        """A variable that must be there, with so many dimensions; it leaves the network.

        Raises:
            CheckpointError: it is missing, or no array of that many dimensions.
        """
        if name not in self.records:
            raise CheckpointError(f"expected the variable {name!r} of TensorFlow's StyleGAN2, it is missing")
        tensor = self.reader.tensor(self.records.pop(name))
        if tensor.ndim != dims:
            raise CheckpointError(f"expected {name!r} with {dims} dimensions, its shape is {tuple(tensor.shape)}")
        return tensor


def _state(record: Any) -> dict[str, Any]:
    if called(record) != NETWORK or not isinstance(record.state, dict):
        raise CheckpointError("a network in this pickle has no state")
    return record.state


def _parts(record: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The state of this network and of every one it is made of, each once, with the prefix of its variables."""
    todo, seen = [("", record)], set()
    while todo:
        prefix, part = todo.pop()
        if id(part) in seen:
            raise CheckpointError("a network contains itself or another one twice in this pickle, no generator's do")
        seen.add(id(part))
        state = _state(part)
        yield prefix, state
        components = state.get("components")
        for name, component in (components if isinstance(components, dict) else {}).items():
            todo.append((_joined(prefix, f"{name}/"), component))


def _joined(prefix: str, name: str) -> str:
    if len(prefix) + len(name) > LONGEST_NAME:
        raise CheckpointError("the networks in this pickle are nested deeper, or named longer, than any generator's")
    return prefix + name
