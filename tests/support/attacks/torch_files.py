"""Files of `torch.save` in both formats, with something hostile in their pickles, directories and sizes."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from attacks.attack import COMMAND, SOURCE, Attack, of_bytes
from attacks.networks import Payload
from foreign_files import rosinality_generator
from hostile import call, deep, doubled, mapping, name, program, string
from orojar_adapters.networks.stylegan2 import StyleGAN2
from tiny import tiny_stylegan2

SYSTEM = program(call("os.system", string(COMMAND)))
ROOT = "archive"


def state(**changes: Any) -> dict[str, Any]:
    generator = tiny_stylegan2()
    return {"g_ema": rosinality_generator(generator) | changes, "latent_avg": generator.mapping.w_avg}


def saved(value: Any, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for entry, data in entries.items():
            made.writestr(entry, data)
    return file.getvalue()


def rewritten(changes: dict[str, bytes | None], compression: int = zipfile.ZIP_STORED, value: Any = None) -> bytes:
    """A good file with entries replaced, added or (None) left out."""
    with zipfile.ZipFile(io.BytesIO(saved(state() if value is None else value))) as old:
        entries = {entry.split("/", 1)[1]: old.read(entry) for entry in old.namelist()} | changes
    return archive({f"{ROOT}/{entry}": data for entry, data in entries.items() if data is not None}, compression)


def storage(key: str = "0", kind: str = "torch.FloatStorage", length: bytes = pickle.BININT1 + b"\4") -> bytes:
    parts = string("storage") + name(kind) + string(key) + string("cpu") + length
    return pickle.MARK + parts + pickle.TUPLE + pickle.BINPERSID


def tensor(made: bytes, size: bytes = pickle.BININT1 + b"\4" + pickle.TUPLE1) -> bytes:
    step = pickle.BININT1 + b"\1" + pickle.TUPLE1
    rest = pickle.BININT1 + b"\0" + size + step + pickle.NEWFALSE + call("collections.OrderedDict")
    return name("torch._utils._rebuild_tensor_v2") + pickle.MARK + made + rest + pickle.TUPLE + pickle.REDUCE


def holding(record: bytes, entries: dict[str, bytes] | None = None) -> bytes:
    data = program(mapping({"g_ema": mapping({"conv1.conv.modulation.weight": record})}))
    return rewritten({"data.pkl": data, **(entries or {})})


def _duplicated() -> bytes:
    """Two entries of one name, the second a payload: readers differ in which they take."""
    data = bytearray(rewritten({f"data.pk{i}": SYSTEM for i in "m"}))
    return bytes(data.replace(f"{ROOT}/data.pkm".encode(), f"{ROOT}/data.pkl".encode()))


def _directory(change: Callable[[bytearray, int], None], entry: int = -1) -> Callable[[], bytes]:
    """A good file with one entry of its directory changed."""

    def made() -> bytes:
        data = bytearray(saved(state()))
        places, at = [], data.find(b"PK\1\2")
        while at >= 0:
            places.append(at)
            at = data.find(b"PK\1\2", at + 4)
        change(data, places[entry])
        return bytes(data)

    return made


def _put(at: int, layout: str, *values: int) -> Callable[[bytearray, int], None]:
    return lambda data, start: struct.pack_into(layout, data, start + at, *values)


def _overlapping() -> bytes:
    """A directory of many entries that all begin at the same place: each is as large as the file, there is only one."""
    body = archive({f"{ROOT}/data.pkl": program(pickle.EMPTY_DICT), f"{ROOT}/data/0": bytes(2**20)})
    start = body.index(b"PK\1\2")
    entry = body[body.rindex(b"PK\1\2") : body.rindex(b"PK\5\6")]
    named = [entry.replace(b"data/0", f"data/{i}".encode()) for i in range(10)]
    first = body[start : body.rindex(b"PK\1\2")]
    directory = first + b"".join(named)
    return body[:start] + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 11, 11, len(directory), start, 0)


def _many_entries() -> bytes:
    """A directory of two hundred thousand entries without data."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    size = len(entry) * 200_000
    return b"PK\3\4" + bytes(60) + entry * 200_000 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, size, 64, 0)


def _shared(averaged: bool = True) -> bytes:
    """A mapping of forty layers whose weights are all the same 4 MB of the file."""
    generator = StyleGAN2(16, [8, 8, 4], latent_size=1024, w_size=1024, mapping_depth=1)
    new = rosinality_generator(generator)
    new |= {f"style.{i}.{part}": new[f"style.1.{part}"] for i in range(2, 41) for part in ("weight", "bias")}
    return saved({"g_ema": new} | ({"latent_avg": generator.mapping.w_avg} if averaged else {}))


def _whole_module() -> bytes:
    return saved(nn.Sequential(nn.Linear(2, 2)))


def _script() -> bytes:
    return rewritten({"code/__torch__/generator.py": SOURCE.encode(), "constants.pkl": SYSTEM, "data.pkl": SYSTEM})


def _legacy(part: int, data: bytes) -> bytes:
    """A good file of the format before zip, with one of its five pickles replaced."""
    file = io.BytesIO(saved(state(), zipped=False))
    parts = []
    for _ in range(5):
        start = file.tell()
        unpickler = pickle.Unpickler(file)
        unpickler.persistent_load = lambda _: torch.ones(1).storage()  # ty: ignore[invalid-assignment]
        unpickler.load()
        parts.append(file.getvalue()[start : file.tell()])
    parts[part] = data
    return b"".join([*parts, file.read()])


def _legacy_length(length: int) -> bytes:
    data = saved({"g_ema": {"conv1.conv.modulation.weight": torch.full((4,), 7.0)}}, zipped=False)
    at = data.rindex(struct.pack("<q", 4))
    return data[:at] + struct.pack("<q", length) + data[at + 8 :]


BOMB = {"data/0": bytes(2**24)}
FILES: dict[str, bytes | Callable[[], bytes]] = {
    "zip: a deflated bomb": lambda: rewritten(BOMB, zipfile.ZIP_DEFLATED),
    "zip: a bomb by bzip2": lambda: rewritten(BOMB, zipfile.ZIP_BZIP2),
    "zip: a bomb by lzma": lambda: rewritten(BOMB, zipfile.ZIP_LZMA),
    "zip: a bomb as the pickle": lambda: archive({f"{ROOT}/data.pkl": bytes(2**24)}, zipfile.ZIP_DEFLATED),
    "zip: entries that overlap": _overlapping,
    "zip: entries by the hundred thousand": _many_entries,
    "zip: an entry larger than the file": _directory(_put(20, "<2L", 2**31 - 1, 2**31 - 1)),
    "zip: an entry smaller than it says": _directory(_put(24, "<L", 2**20)),
    "zip: an entry that begins behind the file": _directory(_put(42, "<L", 2**31 - 1), entry=5),
    "zip: an entry that begins in another one": _directory(_put(42, "<L", 1), entry=3),
    "zip: an encrypted entry": _directory(_put(8, "<H", 1), entry=0),
    "zip: an unheard-of compression": _directory(_put(10, "<H", 99), entry=0),
    "zip: an entry of 64 bits without its size": _directory(_put(20, "<2L", 2**32 - 1, 2**32 - 1), entry=1),
    "zip: a name of no known letters": _directory(_put(46, "<8B", *b"\xff\xfe\x80\0\xff\xff\xff\xff"), entry=0),
    "zip: two pickles": lambda: rewritten({}) and archive({"a/data.pkl": SYSTEM, "b/data.pkl": SYSTEM}),
    "zip: a pickle in a folder above": lambda: archive({"../data.pkl": SYSTEM, "../data/0": b""}),
    "zip: a pickle at the root of the disk": lambda: archive({"/data.pkl": SYSTEM}),
    "zip: a storage above its folder": lambda: holding(tensor(storage("../../../etc/passwd"))),
    "zip: a storage that is the pickle": lambda: holding(tensor(storage("../data.pkl"))),
    "zip: a storage without a name": lambda: holding(tensor(storage(""))),
    "zip: a storage of exabytes": lambda: holding(tensor(storage(length=pickle.LONG1 + b"\x08" + b"\xff" * 7 + b"\x7f"))),
    "zip: a storage of a negative length": lambda: holding(tensor(storage(length=pickle.BININT + b"\xff" * 4))),
    "zip: a storage of an unheard-of type": lambda: holding(tensor(storage(kind="torch.UntypedStorage"))),
    "zip: a storage whose type is a function": lambda: holding(tensor(storage(kind="torch.storage._load_from_bytes"))),
    "zip: a persistent id that is text": lambda: holding(string("storage") + pickle.BINPERSID),
    "zip: a tensor of terabytes": lambda: holding(tensor(storage(), pickle.BININT + b"\xff\xff\xff\x7f" + pickle.TUPLE1)),
    "zip: a tensor of no dimensions": lambda: holding(tensor(storage(), pickle.EMPTY_TUPLE)),
    "zip: big-endian": lambda: rewritten({"byteorder": b"big"}),
    "zip: without storages": lambda: rewritten({f"data/{i}": None for i in range(20)}),
    "zip: without a pickle": lambda: rewritten({"data.pkl": None}),
    "zip: an empty pickle": lambda: rewritten({"data.pkl": b""}),
    "zip: a deep pickle": lambda: rewritten({"data.pkl": program(mapping({"g_ema": deep("tuple", 100_000)}))}),
    "zip: a pickle that doubles itself": lambda: rewritten({"data.pkl": program(mapping({"g_ema": doubled()}))}),
    "zip: TorchScript with code": _script,
    "zip: torch.package": lambda: archive({f"{ROOT}/.data/extern_modules": b"os", f"{ROOT}/model/model.pkl": SYSTEM}),
    "zip: cut in half": lambda: (data := saved(state()))[: len(data) // 2],
    "zip: a comment that is a zip": lambda: saved(state())[:-2] + struct.pack("<H", 100) + b"PK\5\6" + bytes(96),
    "zip: a wheel": lambda: archive({"setup.py": SOURCE.encode(), "x.dist-info/METADATA": b""}),
    "zip: not a number": lambda: saved(state(**{"input.input": torch.full((1, 8, 4, 4), torch.nan)})),
    "zip: without end": lambda: saved(state(**{"style.1.bias": torch.full((8,), -torch.inf)})),
    "zip: a weight of another shape": lambda: saved(state(**{"input.input": torch.ones(1, 8, 4, 5)})),
    "zip: a weight of no dimensions": lambda: saved(state(**{"input.input": torch.tensor(1.0)})),
    "zip: a mapping without a bias": lambda: saved(
        {"g_ema": {k: v for k, v in state()["g_ema"].items() if k != "style.1.bias"}}
    ),
    "zip: a mapping of a hundred layers": lambda: saved(
        {"g_ema": state()["g_ema"] | {f"style.{i}.{p}": torch.ones(8, 8) for i in range(1, 101) for p in ("weight", "bias")}}
    ),
    "zip: forty weights that are one": _shared,
    "zip: a mapping whose mean takes a minute": lambda: _shared(averaged=False),
    "zip: a sparse tensor": lambda: saved(state(**{"input.input": torch.ones(1, 8, 4, 4).to_sparse()})),
    "zip: a quantized tensor": lambda: saved(
        state(**{"input.input": torch.quantize_per_tensor(torch.ones(1, 8, 4, 4), 1.0, 0, torch.qint8)})
    ),
    "zip: a complex tensor": lambda: saved(state(**{"input.input": torch.ones(1, 8, 4, 4, dtype=torch.complex64)})),
    "zip: a tensor on no device": lambda: saved(state(**{"input.input": torch.ones(1, 8, 4, 4, device="meta")})),
    "zip: a subclass of tensor": lambda: saved(state(**{"input.input": nn.UninitializedParameter()})),
    "zip: a whole module": _whole_module,
    "legacy: lengths of exabytes": lambda: _legacy_length(2**62),
    "legacy: a length below zero": lambda: _legacy_length(-1),
    "legacy: a length of nothing": lambda: _legacy_length(0),
    "legacy: names that are not a list": lambda: _legacy(4, pickle.dumps({"0": 1}, 2)),
    "legacy: names that are numbers": lambda: _legacy(4, pickle.dumps([0, 1], 2)),
    "legacy: a million names": lambda: _legacy(4, pickle.dumps(["0"] * 240_000, 2)),
    "legacy: cut in half": lambda: (data := saved(state(), zipped=False))[: len(data) // 2],
    "legacy: a deep value": lambda: _legacy(3, program(mapping({"g_ema": deep("list", 100_000)}))),
    "legacy: a tar, as before 2017": b"pickle".ljust(257, b"\0") + b"ustar\x0000" + bytes(250),
}
LIVE: dict[str, bytes | Callable[[], bytes]] = {
    "zip: a command as the pickle": lambda: rewritten({"data.pkl": SYSTEM}),
    "zip: a command beside good weights": lambda: saved(state() | {"args": Payload()}),
    "zip: a command among the weights": lambda: saved(state(**{"style.9.weight": Payload()})),
    "zip: a command in the hooks of a tensor": lambda: holding(
        tensor(storage()).replace(call("collections.OrderedDict"), call("os.system", string(COMMAND))),
        {"data/0": bytes(16)},
    ),
    "zip: two entries of one name": _duplicated,
    "legacy: a command as the value": lambda: _legacy(3, SYSTEM),
    "legacy: a command as the version": lambda: _legacy(1, SYSTEM),
    "legacy: a command as the sizes of types": lambda: _legacy(2, SYSTEM),
    "legacy: a command as the names": lambda: _legacy(4, SYSTEM),
    "legacy: a command beside good weights": lambda: saved(state() | {"args": Payload()}, zipped=False),
}
HARMLESS: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "zip: other pickles beside its own": (
        lambda: rewritten({"constants.pkl": SYSTEM, "evil.pkl": SYSTEM}),
        "nothing reads them",
    ),
    "zip: entries above its folder": (
        lambda: rewritten({"../../ran": b"x", "data/../../../ran": b"x"}),
        "nothing unpacks them",
    ),
}

ATTACKS: list[Attack] = [
    *(of_bytes(what, data, "attack.pt", live=True) for what, data in LIVE.items()),
    *(of_bytes(what, data, "attack.pt") for what, data in FILES.items()),
    *(of_bytes(what, data, "attack.pt", harmless=why) for what, (data, why) in HARMLESS.items()),
]
