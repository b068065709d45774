"""Pickles that use the machine itself: rare instructions, protocols, memo tricks, nesting, claims of size, bombs."""

import pickle

from attacks.attack import COMMAND, Attack, of_bytes
from hostile import call, deep, doubled, mapping, name, program, string

HUGE = (2**62).to_bytes(8, "little")
SYSTEM = call("os.system", string(COMMAND))
EMPTY = mapping({"G_ema": pickle.NONE})


class System:
    def __reduce__(self):
        import os

        return os.system, (COMMAND,)


class NewObject:
    """Built by `NEWOBJ_EX` and `BUILD`, as classes with `__getnewargs_ex__` and a state are."""

    def __reduce_ex__(self, protocol):
        import subprocess

        return subprocess.Popen, (["touch", "ran"],), {"returncode": 0}


def _copies(dictionary: str = "collections.OrderedDict") -> bytes:
    """One list of pairs made into a dictionary many times over: quadratic work from few instructions."""
    pairs = b"".join(pickle.BININT + i.to_bytes(4, "little") + pickle.NONE + pickle.TUPLE2 for i in range(20_000))
    shared = pickle.MARK + pairs + pickle.LIST + pickle.TUPLE1 + pickle.BINPUT + b"\0"
    return program(shared, (name(dictionary) + pickle.BINGET + b"\0" + pickle.REDUCE) * 5_000)


def _long(text: str) -> bytes:
    data = text.encode()
    return pickle.BINUNICODE8 + len(data).to_bytes(8, "little") + data


DAMAGE = {
    "extension registry, one byte": program(pickle.EXT1 + b"\1"),
    "extension registry, two bytes": program(pickle.EXT2 + b"\1\0"),
    "extension registry, four bytes": program(pickle.EXT4 + b"\1\0\0\0"),
    "persistent id, text": program(pickle.PERSID + b"x\n"),
    "persistent id, binary": program(string("x") + pickle.BINPERSID),
    "NEWOBJ_EX": program(name("builtins.set") + pickle.EMPTY_TUPLE + pickle.EMPTY_DICT + pickle.NEWOBJ_EX, protocol=4),
    "BUILD on a class": program(name("torch.Size") + mapping({"__reduce__": pickle.NONE}) + pickle.BUILD),
    "BUILD with a pair of states": program(
        call("argparse.Namespace") + pickle.NONE + mapping({"__class__": name("builtins.set")}) + pickle.TUPLE2 + pickle.BUILD
    ),
    "BUILD changes the class": program(call("collections.OrderedDict") + mapping({"__class__": pickle.NONE}) + pickle.BUILD),
    "out-of-band buffers": program(pickle.NEXT_BUFFER + pickle.READONLY_BUFFER, protocol=5),
    "deep tuples": program(deep("tuple", 100_000)),
    "deep lists": program(deep("list", 100_000)),
    "deep dictionaries": program(mapping({"G_ema": deep("dict", 20_000)})),
    "deep calls": program(deep("call", 20_000)),
    "a deep key": program(pickle.EMPTY_DICT + deep("tuple", 20_000) + pickle.NONE + pickle.SETITEM),
    "a list in itself": program(pickle.EMPTY_LIST + pickle.BINPUT + b"\0" + pickle.BINGET + b"\0" + pickle.APPEND),
    "a dictionary in itself": program(
        pickle.EMPTY_DICT + pickle.BINPUT + b"\0" + string("G_ema") + pickle.BINGET + b"\0" + pickle.SETITEM
    ),
    "a tuple in itself": program(
        pickle.EMPTY_LIST + pickle.TUPLE1 + pickle.BINPUT + b"\0" + pickle.BINGET + b"\0" + pickle.TUPLE2
    ),
    "a list that doubles itself": program(doubled()),
    "one dictionary copied again and again": _copies,
    "two million instructions": lambda: program((pickle.EMPTY_DICT + pickle.POP) * 1_000_000),
    "a million empty lists": lambda: program(pickle.MARK + pickle.EMPTY_LIST * 999_000 + pickle.LIST),
    "a million entries of the memo": lambda: program(pickle.NONE + pickle.MEMOIZE * 990_000, protocol=4),
    "a long text whose last letter makes it four times as large": lambda: program(
        _long("x" * 2**25 + "\U0001f600"), protocol=4
    ),
    "LONG4 of two billion digits": program(pickle.LONG4 + b"\xff\xff\xff\x7f"),
    "a number of many digits": program(pickle.INT + b"9" * 1_000_000 + b"\n"),
    "a long number of many digits": program(pickle.LONG + b"9" * 1_000_000 + b"L\n"),
    "BINBYTES8 of exabytes": program(pickle.BINBYTES8 + HUGE, protocol=4),
    "BYTEARRAY8 of exabytes": program(pickle.BYTEARRAY8 + HUGE, protocol=5),
    "BINUNICODE8 of exabytes": program(pickle.BINUNICODE8 + HUGE, protocol=4),
    "BINBYTES8 of a negative size": program(pickle.BINBYTES8 + b"\xff" * 8, protocol=4),
    "BINSTRING of a negative size": program(pickle.BINSTRING + b"\xff" * 4),
    "a frame of exabytes": program(pickle.FRAME + HUGE, EMPTY, protocol=4),
    "a frame in a frame": program(pickle.FRAME + b"\2" + bytes(7) + pickle.FRAME + HUGE, EMPTY, protocol=4),
    "the last entry of a huge memo": program(pickle.NONE + pickle.LONG_BINPUT + b"\xff" * 4),
    "an entry that the memo has not": program(pickle.GET + b"7\n"),
    "a memo index below zero": program(pickle.NONE + pickle.PUT + b"-1\n"),
    "a protocol of the future": program(pickle.NONE, protocol=255),
    "keys of every kind": program(pickle.EMPTY_DICT + name("builtins.set") + pickle.NONE + pickle.SETITEM),
    "half an item": program(pickle.MARK + pickle.NONE + pickle.DICT),
    "no STOP": program(EMPTY)[:-1],
    "nothing to return": program(),
    "a mark as the value": program(pickle.MARK),
    "an instruction that there is not": program(b"\xff"),
    "a name in escapes": program(pickle.GLOBAL + rb"\x6fs" + b"\nsystem\n"),
    "a name in capitals": program(name("OS.SYSTEM")),
    "a name with a zero byte": program(string("os\0") + string("system") + pickle.STACK_GLOBAL, protocol=4),
    "a name in letters that look alike": program(string("оs") + string("system") + pickle.STACK_GLOBAL, protocol=4),  # Cyrillic
    "a name in half a letter": program(string("o\udce4s") + string("system") + pickle.STACK_GLOBAL, protocol=4),
    "a name of two lines": program(string("os\nis fine\n") + string("system") + pickle.STACK_GLOBAL, protocol=4),
    "a name of a million letters": program(string("o" * 1_000_000) + string("s") + pickle.STACK_GLOBAL, protocol=4),
    "a name that is a number": program(pickle.NONE + pickle.NONE + pickle.STACK_GLOBAL, protocol=4),
    "an empty name": program(string("") + string("") + pickle.STACK_GLOBAL, protocol=4),
    "an endless line": program(pickle.GLOBAL + b"x" * 3 * 2**20 + b"y\nz\n"),
    "a floating-point number of words": program(pickle.FLOAT + b"import os\n"),
    "a payload behind a lying frame": program(pickle.FRAME + b"\xff" * 3 + bytes(5) + SYSTEM, protocol=3),
    "an unquoted string": program(pickle.STRING + b"os.system('touch ran')\n"),
}
LIVE = {
    "INST": program(pickle.MARK + string(COMMAND) + pickle.INST + b"os\nsystem\n"),
    "OBJ": program(pickle.MARK + name("os.system") + string(COMMAND) + pickle.OBJ),
    "BUILD behind a call": pickle.dumps(NewObject(), 4),
    "a payload that is thrown away": program(SYSTEM + pickle.POP + EMPTY),
    "a payload behind a mark that is thrown away": program(pickle.MARK + SYSTEM + pickle.POP_MARK + EMPTY),
    "a payload in the first of two equal keys": program(
        pickle.MARK + string("G_ema") + SYSTEM + string("G_ema") + pickle.NONE + pickle.DICT
    ),
    "a name put together from the memo": program(
        string("os") + pickle.MEMOIZE + string("system") + pickle.MEMOIZE + pickle.POP + pickle.POP,
        pickle.BINGET + b"\0" + pickle.BINGET + b"\1" + pickle.STACK_GLOBAL,
        string(COMMAND) + pickle.TUPLE1 + pickle.REDUCE,
        protocol=4,
    ),
    "an allowed name overwritten in the memo": program(
        name("collections.OrderedDict") + pickle.BINPUT + b"\0" + name("os.system") + pickle.BINPUT + b"\0" + pickle.POP,
        pickle.BINGET + b"\0" + string(COMMAND) + pickle.TUPLE1 + pickle.REDUCE,
    ),
    "a call of a copy": program(name("os.system") + pickle.DUP + string(COMMAND) + pickle.TUPLE1 + pickle.REDUCE),
    "a call without STOP": program(SYSTEM)[:-1],
    "a call before a damaged instruction": program(SYSTEM + b"\xff"),
    "a payload as the key of a dictionary": program(pickle.EMPTY_DICT + SYSTEM + pickle.NONE + pickle.SETITEM),
    "a payload in a set": program(pickle.EMPTY_SET + pickle.MARK + SYSTEM + pickle.ADDITEMS, protocol=4),
    "a payload in a frozen set": program(pickle.MARK + SYSTEM + pickle.FROZENSET, protocol=4),
    "a payload as the state of an object": program(call("argparse.Namespace") + SYSTEM + pickle.BUILD),
    "NEWOBJ_EX with a payload as its arguments": program(
        name("builtins.set") + SYSTEM + pickle.TUPLE1 + pickle.EMPTY_DICT + pickle.NEWOBJ_EX, protocol=4
    ),
}

ATTACKS: list[Attack] = [
    *(of_bytes(f"protocol {n}", pickle.dumps({"G_ema": System()}, n), "attack.pkl", live=True) for n in range(6)),
    *(of_bytes(what, data, "attack.pkl", live=True) for what, data in LIVE.items()),
    *(of_bytes(what, data, "attack.pkl") for what, data in DAMAGE.items()),
]
