"""Reads a pickle as data.

Python's own unpickler is a machine whose instructions import and call things. This one has no such instruction: what a
pickle asks to call becomes a `Call` record, and the readers take from the records what they know. The standard library's
`pickletools` decodes the opcodes.
"""

import pickletools
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any

from orojar_adapters.contract.errors import CheckpointError

MOST_OPCODES = 250_000
"""Instructions in one pickle; a snapshot of three networks of 1024 pixels has some 30,000."""
LONGEST_LINE = 2**20
LONGEST_WIDE_TEXT = 2**20
"""Bytes of a text with letters beyond Latin-1: a single one makes every letter take up to four bytes of memory."""
_WIDE = re.compile(rb"[\xc4-\xff]")
DICT_NAMES = {"collections.OrderedDict", "dnnlib.util.EasyDict", "collections.defaultdict"}


class Bounded:
    """A binary file whose `read` returns at most what is left of it, so that a declared size allocates nothing."""

    def __init__(self, file: BufferedIOBase, size: int) -> None:
        self.file, self.size = file, size
        self.text = False
        """Whether what is read next is text."""

    def read(self, size: int = -1, /) -> bytes:
        left = max(self.size - self.file.tell(), 0)
        data = self.file.read(left if size < 0 else min(size, left))
        if self.text and len(data) > LONGEST_WIDE_TEXT and _WIDE.search(data):
            raise ValueError(f"a text of {len(data):,} bytes that is not in Latin letters")
        return data

    def readline(self) -> bytes:
        line = self.file.readline(LONGEST_LINE)
        if b"\\" in line:  # the names that checkpoints ask for have no escape sequences
            raise ValueError("a backslash in a name")
        return line

    def tell(self) -> int:
        return self.file.tell()

    def seek(self, at: int) -> None:
        self.file.seek(at)

    def skip(self, size: int) -> None:
        """Moves past the data of a tensor.

        Raises:
            CheckpointError: the file ends before.
        """
        at = self.file.tell()
        if size > self.size - at:
            raise CheckpointError(f"a tensor's data is cut short: {max(self.size - at, 0)} of {size} bytes")
        self.file.seek(at + size)


@dataclass(frozen=True)
class Global:
    """A name that the pickle asks to import."""

    name: str


@dataclass(eq=False)
class Call:
    """A call that the pickle asks for: never made."""

    function: Any
    args: tuple
    state: Any = None


@dataclass(eq=False)
class PersistentId:
    """A reference to something kept outside the pickle."""

    value: Any


@dataclass
class Pickle:
    """The value of a pickle, as plain data and records, and the names that it asks for."""

    value: Any
    globals: set[str] = field(default_factory=set)


def read_pickle(file: Bounded, allowed: Container[str], persistent_ids: bool = False, most: int | None = None) -> Pickle:
    """Returns the next pickle of a file, as data.

    Args:
        file: read up to and including the pickle's STOP.
        allowed: dotted names that may appear.
        persistent_ids: whether references to things outside may appear, as they do in torch's formats.
        most: limit of the instructions; None means `MOST_OPCODES`.

    Raises:
        CheckpointError: a name that is not allowed, an instruction that no checkpoint needs, or a damaged pickle.
    """
    machine = _Machine(allowed, persistent_ids)
    most = MOST_OPCODES if most is None else most
    try:
        for name, arg in _instructions(file, most):
            machine.step(name, arg)
        value = machine.stack.pop()
        if value is _MARK:
            raise ValueError("it has no value")
    except CheckpointError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as e:
        raise CheckpointError(f"this pickle is damaged or cut short ({str(e)[:200]})") from e
    return Pickle(value, machine.globals)


_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}


def _instructions(file: Bounded, most: int) -> Iterator[tuple[str, Any]]:
    """Yields name and argument of every instruction up to STOP, as `pickletools.genops` does, but limits what is read."""
    for _ in range(most):
        opcode = _OPCODES.get(file.read(1))
        if opcode is None:
            raise ValueError("an unknown instruction, or none where one is expected")
        file.text = opcode.name in _LONG_TEXTS
        arg = opcode.arg.reader(file) if opcode.arg is not None else None  # ty: ignore[invalid-argument-type]
        file.text = False
        yield opcode.name, arg
        if opcode.name == "STOP":
            return
    raise CheckpointError(f"this pickle has more than {most:,} instructions, no checkpoint does")


_MARK = object()
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"}
_STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_LONG_TEXTS = {"BINUNICODE", "BINUNICODE8"}
_LITERALS = _NUMBERS | _STRINGS | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_KEYS = (str, int, float, bytes, type(None))
"""Types that a key of a dictionary may have: hashing a deeply nested tuple would overflow the interpreter's stack."""
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_SET": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}


class _Machine:
    def __init__(self, allowed: Container[str], persistent_ids: bool) -> None:
        self.allowed, self.persistent_ids = allowed, persistent_ids
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.globals: set[str] = set()
        self.copied = 0

    def step(self, name: str, arg: Any) -> None:
        stack = self.stack
        if name in _LITERALS:
            stack.append(arg)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[len(self.memo) if name == "MEMOIZE" else arg] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[arg])
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "LIST", "DICT"):
            stack.append(self._collection(name))
        elif name in ("APPEND", "APPENDS", "ADDITEMS"):
            items = [stack.pop()] if name == "APPEND" else self._pop_to_mark()
            _expect(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self._pop_to_mark()
            _set_items(_expect(stack[-1], dict), items)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._global(arg.split(" ", 1) if name == "GLOBAL" else [stack.pop(-2), stack.pop()])
        elif name in ("REDUCE", "NEWOBJ"):
            args = _expect(stack.pop(), tuple)
            stack.append(self._record(stack.pop(), args))
        elif name == "BUILD":
            self._build(stack.pop())
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("BINPERSID", "PERSID") and self.persistent_ids:
            stack.append(PersistentId(stack.pop() if name == "BINPERSID" else arg))
        elif name == "POP":
            stack.pop()
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise CheckpointError(f"this pickle uses the instruction {name}, which no checkpoint needs: refused")

    def _pop_to_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1  # an IndexError below the bottom: damaged
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def _collection(self, name: str) -> Any:
        if name[-1].isdigit():
            count = int(name[-1])
            if len(self.stack) < count:
                raise IndexError("stack underflow")
            items = self.stack[-count:]
            del self.stack[-count:]
            return tuple(items)
        items = self._pop_to_mark()
        if name == "DICT":
            return _set_items({}, items)
        return tuple(items) if name == "TUPLE" else items

    def _global(self, spelling: list[str]) -> None:
        name = ".".join(_expect(part, str) for part in spelling)
        self.globals.add(name)
        if name not in self.allowed:
            reason = "which is not among the names that checkpoints need: refused, nothing was run"
            raise CheckpointError(f"this pickle asks for {name[:100]!r}, {reason}")
        self.stack.append(Global(name))

    def _build(self, state: Any) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):  # attributes of a dictionary, such as `_metadata` of a state dict, are not needed
            _expect(target, Call).state = state

    def _record(self, function: Any, args: tuple) -> Any:
        """Turns calls of dictionary classes into plain dictionaries, everything else into records."""
        if not (isinstance(function, Global) and function.name in DICT_NAMES):
            return Call(function, args)
        given = args[-1] if args else ()
        pairs = given.items() if isinstance(given, dict) else given if isinstance(given, (list, tuple)) else ()
        self.copied += len(pairs)
        if self.copied > MOST_OPCODES:
            raise CheckpointError("this pickle copies one dictionary again and again, no checkpoint does: refused")
        if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
            raise TypeError("a dictionary of something other than pairs")
        return _set_items({}, [item for pair in pairs for item in pair])


def _set_items(target: dict, items: list[Any]) -> dict:
    for key in items[::2]:
        if not isinstance(key, _KEYS):
            raise TypeError(f"a {type(key).__name__} as the key of a dictionary")
    target.update(zip(items[::2], items[1::2], strict=True))
    return target


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected a {kind.__name__}, found a {type(value).__name__}")
    return value
