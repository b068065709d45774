"""Networks as NVlabs' TensorFlow code pickles them: `dnnlib.tflib.network.Network`.

Each keeps its settings (`static_kwargs`), its variables by name, the networks it is made of (`components`), and the Python
source that NVlabs' own loader executes.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.arrays import ArrayReader
from orojar_adapters.readers.checkpoint import brief
from orojar_adapters.readers.persistence import sha256
from orojar_adapters.readers.records import called, number
from orojar_adapters.readers.tensors import Tensors

NETWORK = "dnnlib.tflib.network.Network"
LONGEST_NAME = 200
Default = TypeVar("Default", bound=float | None)


class Network:
    """A network and those that it is made of.

    Attributes:
        tensors: all variables by name.
        source_sha256: the digest of the Python source that its own loader would execute.

    Raises:
        CheckpointError: not a tree of networks.
    """

    def __init__(self, record: Any) -> None:
        parts = list(_parts(record))
        self.settings = [given for _, state in parts if isinstance(given := state.get("static_kwargs"), dict)]
        self.tensors = Tensors(_variables(parts), ArrayReader().tensor)
        self.tensors.drop("lod")  # of progressive growing, which StyleGAN2 does without
        self.source_sha256 = sha256(parts[0][1].get("build_module_src"))

    def setting(self, name: str, default: Any) -> Any:
        """Returns a setting of the network, else of one that it is made of, else the default."""
        return next((settings[name] for settings in self.settings if name in settings), default)

    def number(self, name: str, default: Default) -> float | Default:
        """Returns a setting that is a number, the default where it is None or not stated.

        Raises:
            CheckpointError: anything else, or not finite.
        """
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


def _parts(record: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the state of a network and of all it is made of, each once, with the prefix of its variables."""
    todo, seen = [("", record)], set()
    while todo:
        prefix, part = todo.pop()
        if id(part) in seen:
            raise CheckpointError("a network contains itself or another one twice in this pickle, no generator's do")
        seen.add(id(part))
        if called(part) != NETWORK or not isinstance(part.state, dict):
            raise CheckpointError("a network in this pickle has no state")
        yield prefix, part.state
        components = part.state.get("components")
        for name, component in (components if isinstance(components, dict) else {}).items():
            todo.append((_joined(prefix, f"{name}/"), component))


def _variables(parts: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, Any]]:
    for prefix, state in parts:
        variables = state.get("variables")
        for pair in variables if isinstance(variables, list) else ():
            if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], str):
                raise CheckpointError("expected the variables of a network as pairs of a name and an array")
            yield _joined(prefix, pair[0]), pair[1]


def _joined(prefix: str, name: str) -> str:
    if len(prefix) + len(name) > LONGEST_NAME:
        raise CheckpointError("the networks in this pickle are nested deeper, or named longer, than any generator's")
    return prefix + name
