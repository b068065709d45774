"""Pickles that attack their reader, written instruction by instruction."""

import os
import pickle
from pathlib import Path

DEEP = 10_000
"""Levels of nesting: ten times what the interpreter's own stack is allowed."""


def string(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return pickle.BINUNICODE + len(data).to_bytes(4, "little") + data


def binary(data: bytes) -> bytes:
    return pickle.BINBYTES + len(data).to_bytes(4, "little") + data


def name(dotted: str) -> bytes:
    """The instruction that imports."""
    module, _, attribute = dotted.rpartition(".")
    return pickle.GLOBAL + f"{module}\n{attribute}\n".encode()


def call(dotted: str, *args: bytes) -> bytes:
    return name(dotted) + pickle.MARK + b"".join(args) + pickle.TUPLE + pickle.REDUCE


def mapping(items: dict[str, bytes]) -> bytes:
    return pickle.MARK + b"".join(string(key) + value for key, value in items.items()) + pickle.DICT


def program(*instructions: bytes, protocol: int = 2) -> bytes:
    return pickle.PROTO + bytes([protocol]) + b"".join(instructions) + pickle.STOP


def deep(kind: str, levels: int = DEEP) -> bytes:
    """A value nested in itself many times."""
    return {
        "tuple": pickle.EMPTY_TUPLE + pickle.TUPLE1 * levels,
        "list": pickle.EMPTY_LIST * levels + pickle.APPEND * (levels - 1),
        "dict": (pickle.EMPTY_DICT + pickle.NONE) * levels + pickle.NONE + pickle.SETITEM * levels,
        "call": name("builtins.set") * levels + pickle.EMPTY_TUPLE + (pickle.REDUCE + pickle.TUPLE1) * levels,
        "parameter": name("torch._utils._rebuild_parameter") * levels
        + pickle.EMPTY_TUPLE
        + pickle.REDUCE
        + (pickle.TUPLE1 + pickle.REDUCE) * (levels - 1),
    }[kind]


def doubled(levels: int = 60) -> bytes:
    """A list of twice a list of twice a list ...: written out it has 2 ** levels entries."""
    store, load = pickle.BINPUT + b"\0" + pickle.POP, pickle.BINGET + b"\0"
    return pickle.NONE + (store + pickle.MARK + load + load + pickle.LIST) * levels


class Attack:
    """An object whose pickle runs a command that leaves a marker."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)
