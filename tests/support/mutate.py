"""Damaged checkpoints: random changes of bytes, and changes that know pickles, zips, JSON and safetensors.

A changed byte of a zip is mostly found by its checksum, and a changed byte of a pickle by its next instruction; what knows the
format gets further into the readers. Everything follows from the random generator that is passed in.
"""

import io
import json
import pickletools
import re
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor

NUMBERS = [
    0,
    1,
    2,
    3,
    7,
    8,
    127,
    128,
    255,
    256,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**62,
    2**63 - 1,
    2**64 - 1,
]
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    7,
    2**31,
    2**63,
    10**30,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    [],
    {},
    [[]],
]
VALUES += [[0], [-1], {"of": "z"}, {"dtype": "float32"}, "z", [8, 8, 4], "StyleGAN2", "Generic"]
OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes if opcode.arg is None]


def mutated(data: bytes, other: bytes, rng: Random) -> bytes:
    """A file with one to four changes.

    Args:
        other: a file that pieces may come from.
    """
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        data = _once(data, other, rng)
    return data


def _once(data: bytes, other: bytes, rng: Random) -> bytes:
    if data[:2] == b"PK" and rng.random() < 0.8:
        return _zip(data, other, rng)
    if data[:1] == b"\x80" and rng.random() < 0.7:
        return _pickle(data, rng)
    if data[:1] == b"{":
        return _json(data, rng) if rng.random() < 0.8 else _bytes(data, other, rng)
    if data[8:9] == b"{" and rng.random() < 0.8:
        return _safetensors(data, rng)
    return _bytes(data, other, rng)


def _bytes(data: bytes, other: bytes, rng: Random) -> bytes:
    made = bytearray(data)
    at, end = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    end = min(end, at + rng.choice([1, 4, 16, 256, 2**20]))
    kind = rng.randrange(8)
    if kind == 0 and data:
        made[at - 1] ^= 1 << rng.randrange(8)
    elif kind == 1:
        made[at : at + 1] = bytes([rng.choice([0, 0x7F, 0x80, 0xFF])])
    elif kind == 2:
        del made[at:]
    elif kind == 3:
        del made[at:end]
    elif kind == 4:
        made[at:at] = data[at:end]
    elif kind == 5:
        start = rng.randrange(len(other) + 1)
        made[at:end] = other[start : start + end - at]
    elif kind == 6:
        width = rng.choice([1, 2, 4, 8])
        made[at : at + width] = (rng.choice(NUMBERS) % 256**width).to_bytes(width, rng.choice(["little", "big"]))
    else:
        made[at:at] = rng.randbytes(rng.randrange(9))
    return bytes(made)


def _pickle(data: bytes, rng: Random) -> bytes:
    """One instruction left out, written twice, changed places with another one, or given another argument."""
    places: list[int] = []
    try:
        for _, _, at in pickletools.genops(data):
            places.append(at or 0)
    except Exception:  # it has been damaged before
        return _bytes(data, data, rng)
    pieces = [data[first:last] for first, last in zip(places, [*places[1:], len(data)], strict=True)]
    i, j = rng.randrange(len(pieces)), rng.randrange(len(pieces))
    kind = rng.randrange(6)
    if kind == 0:
        del pieces[i]
    elif kind == 1:
        pieces.insert(j, pieces[i])
    elif kind == 2:
        pieces[i], pieces[j] = pieces[j], pieces[i]
    elif kind == 3:
        pieces[i] = pieces[j]
    elif kind == 4:
        pieces.insert(i, rng.choice(OPCODES))
    else:
        pieces[i] = pieces[i][:1] + _bytes(pieces[i][1:], data, rng)
    return b"".join(pieces)


def _zip(data: bytes, other: bytes, rng: Random) -> bytes:
    """One entry changed, left out or named otherwise, with checksums that are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            entries = [(entry.filename, old.read(entry)) for entry in old.infolist()]
    except Exception:  # it has been damaged before
        return _bytes(data, other, rng)
    pickles = [i for i, (name, _) in enumerate(entries) if name.endswith("data.pkl")]
    i = rng.choice(pickles) if pickles and rng.random() < 0.7 else rng.randrange(len(entries))
    name, content = entries[i]
    kind = rng.randrange(10)
    if kind == 0:
        del entries[i]
    elif kind == 1:
        entries[i] = rng.choice(entries)[0] + rng.choice(["", "x", "/../x"]), content
    elif kind == 2:
        entries[i] = name, rng.choice(entries)[1]
    else:
        entries[i] = name, _once(content, content, rng)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice([zipfile.ZIP_STORED] * 9 + [zipfile.ZIP_DEFLATED])) as new:
        for name, content in dict(entries).items():
            new.writestr(name, content)
    return file.getvalue()


def _json(data: bytes, rng: Random) -> bytes:
    """One value somewhere in it replaced, left out, or put at another key."""
    try:
        value = json.loads(data)
    except ValueError:  # it has been damaged before
        return _bytes(data, data, rng)
    holder, key = _place(value, rng)
    if holder is None:
        return _bytes(data, data, rng)
    kind = rng.randrange(5)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(["x", "a.b", "self", "", key + "x"])] = holder.pop(key)
    elif kind == 2:
        other, there = _place(value, rng)
        holder[key] = json.loads(json.dumps(other[there]))
    else:
        holder[key] = rng.choice(VALUES)
    return json.dumps(value).encode()


def _place(value: Any, rng: Random) -> tuple[Any, Any]:
    """A place somewhere in nested data: what holds it, and its key there; None twice where there is none."""
    holder, key = None, None
    while isinstance(value, (dict, list)) and value and (holder is None or rng.random() < 0.8):
        holder, key = value, rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value = holder[key]
    return holder, key


def _safetensors(data: bytes, rng: Random) -> bytes:
    """A number, a type or a name of the header replaced, its size kept right."""
    size = int.from_bytes(data[:8], "little")
    header, rest = data[8 : 8 + size], data[8 + size :]
    kind = rng.randrange(3)
    if kind == 0:
        header = _json(header.rstrip() or b"{}", rng)
    elif kind == 1:
        numbers = list(re.finditer(rb"\d+", header))
        if numbers:
            found = rng.choice(numbers)
            header = header[: found.start()] + str(rng.choice(NUMBERS)).encode() + header[found.end() :]
    else:
        types = ["F32", "F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F4", "C64", "X"]
        header = header.replace(b'"F32"', f'"{rng.choice(types)}"'.encode(), rng.randrange(3))
    return len(header).to_bytes(8, "little") + header + rest


def altered(value: Any, rng: Random) -> Any:
    """Nested dictionaries of tensors with one tensor left out, named otherwise, or made into another one."""
    value = _copied(value)
    holder, key = _place(value, rng)
    kind = rng.randrange(4)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice([*map(str, holder), "x", "module.x"])] = holder.pop(key)
    elif kind == 2:
        holder[key] = rng.choice([*(holder.values() if isinstance(holder, dict) else holder), *VALUES])
    elif isinstance(holder[key], Tensor):
        holder[key] = rng.choice(CHANGES)(holder[key])
    return value


def _copied(value: Any) -> Any:
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, dict) else value


CHANGES: list[Callable[[Tensor], Tensor]] = [
    *(lambda x, dtype=dtype: x.to(dtype) for dtype in (torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64)),
    lambda x: x.flatten(),
    lambda x: x.transpose(0, -1) if x.ndim else x[None],
    lambda x: x[:1] if x.ndim else x,
    lambda x: x[:0] if x.ndim else x,
    lambda x: x[None],
    lambda x: x.squeeze(),
    lambda x: torch.cat([x, x]) if x.ndim else x,
    lambda x: x.reshape(-1)[0],
    lambda x: x.expand(3, *x.shape),
    lambda x: torch.full_like(x, torch.nan) if x.is_floating_point() else x,
    lambda x: x * 1e38,
    lambda x: x * 0,
    lambda x: x.to_sparse(),
]
