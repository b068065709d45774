"""Tensors and numbers out of a pickle's records, every size checked against the bytes that are really there."""

import io
import math
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.unpickle import Bounded, Call, Global, PersistentId, Pickle, read_pickle

DTYPES = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}
NUMPY_DTYPES = {"f8": torch.float64, "f4": torch.float32, "i8": torch.int64, "i4": torch.int32}
MOST_DIMS = 8
NAMES = {
    "collections.OrderedDict",
    "collections.defaultdict",
    "builtins.dict",
    "builtins.set",
    "__builtin__.dict",  # the spellings of protocol 2, which torch.save writes
    "__builtin__.set",
    "_codecs.encode",
    "argparse.Namespace",
    "dnnlib.tflib.network.Network",
    "dnnlib.util.EasyDict",
    "numpy.dtype",
    "numpy.ndarray",
    "torch.device",
    "torch.Size",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.storage._load_from_bytes",
    "torch_utils.persistence._reconstruct_persistent_obj",
    *(f"{package}.multiarray.{name}" for package in ("numpy.core", "numpy._core") for name in ("scalar", "_reconstruct")),
    *(f"{package}.numeric._frombuffer" for package in ("numpy.core", "numpy._core")),
    *(f"torch.{kind}Storage" for kind in DTYPES),
}
MOST_OPCODES_OF_A_STORAGE = 1000
"""Instructions in one pickle of a storage that is embedded in another file: there may be thousands of storages."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The first number of a torch file in the format before zip."""

Storages = dict[str, Tensor]


class TensorReader:
    """Turns records into tensors.

    Args:
        storages: flat tensors by key, for the persistent ids of torch's own formats.
    """

    def __init__(self, storages: Storages | None = None) -> None:
        self.storages = storages or {}
        self.embedded: dict[int, Tensor] = {}

    def tensor(self, record: Any) -> Tensor:
        """The tensor or parameter that a record describes.

        Raises:
            CheckpointError: not a tensor, or larger than its data.
        """
        name = called(record)
        if name == "torch._utils._rebuild_parameter" and record.args:
            record = record.args[0]
            name = called(record)
        if name != "torch._utils._rebuild_tensor_v2":
            raise CheckpointError(f"expected a tensor in this checkpoint, found {name or type(record).__name__}")
        try:
            storage, offset, size, stride = record.args[:4]
            counts = [offset, *size, *stride]
            if len(size) > MOST_DIMS or not all(type(n) is int for n in counts):
                raise TypeError(f"its size is no tuple of at most {MOST_DIMS} whole numbers")
            last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        except (TypeError, ValueError) as e:
            raise CheckpointError(f"a tensor in this checkpoint is malformed ({e})") from e
        flat = self._storage(storage)
        if min(counts) < 0 or max(counts) >= 2**62 or not 0 < math.prod(size) <= len(flat) or last >= len(flat):
            raise CheckpointError(f"a tensor of size {tuple(size)} claims other than the {len(flat)} values stored for it")
        return flat.as_strided(tuple(size), tuple(stride), offset)

    def _storage(self, record: Any) -> Tensor:
        if called(record) == "torch.storage._load_from_bytes" and record.args:
            data = record.args[0]
            if id(data) not in self.embedded:  # read once, however many tensors share it
                self.embedded[id(data)] = read_legacy_storage(data)
            return self.embedded[id(data)]
        if isinstance(record, PersistentId):
            key, _, _ = storage_dtype(record)
            if key not in self.storages:
                raise CheckpointError(f"the data of storage {key[:40]!r} is missing: the file is cut short")
            return self.storages[key]
        raise CheckpointError(f"expected a tensor's storage, found {type(record).__name__}")


def called(record: Any) -> str | None:
    """The name that a record wants to call, None for anything else."""
    return record.function.name if isinstance(record, Call) and isinstance(record.function, Global) else None


def number(value: Any) -> float:
    """A Python number, also out of the record of a numpy float.

    Raises:
        CheckpointError: anything else.
    """
    found = _numpy_number(value) if isinstance(value, Call) else value
    if not isinstance(found, (int, float)):
        raise CheckpointError(f"expected a number in this checkpoint, found {type(value).__name__}")
    if not abs(found) < 2**63:  # also not a number
        raise CheckpointError("a number in this checkpoint is not finite, or larger than any setting")
    return found


def _numpy_number(record: Call) -> float | None:
    if (called(record) or "").endswith("multiarray.scalar") and len(record.args) == 2:
        kind, raw = record.args
        code = kind.args[0] if called(kind) == "numpy.dtype" and kind.args else None
        dtype = NUMPY_DTYPES.get(code) if isinstance(code, str) else None
        if dtype and isinstance(raw, bytes) and len(raw) == dtype.itemsize:
            return torch.frombuffer(bytearray(raw), dtype=dtype).item()
    return None


def storage_dtype(persistent_id: Any) -> tuple[str, torch.dtype, int]:
    """Key, type and length that a torch persistent id declares.

    Raises:
        CheckpointError: it is no storage, or of a type that is not read.
    """
    try:
        kind, storage, key, _, length = persistent_id.value[:5]
        dtype = DTYPES[storage.name.removeprefix("torch.").removesuffix("Storage")]
        if kind != "storage" or not isinstance(key, str) or not isinstance(length, int) or length < 0:
            raise ValueError("not a storage")
    except (TypeError, ValueError, KeyError, AttributeError) as e:
        raise CheckpointError("this file refers to something that is not a tensor's storage") from e
    return key, dtype, length


def storages_of(value: Any) -> dict[str, tuple[torch.dtype, int]]:
    """Type and length of every storage that a value refers to, by key; every record is looked at once."""
    found: dict[str, tuple[torch.dtype, int]] = {}
    seen: set[int] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, PersistentId):
            key, dtype, length = storage_dtype(item)
            found[key] = (dtype, length)
        elif isinstance(item, Call):
            todo += [item.args, item.state]
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, (list, tuple)):
            todo += item
    return found


def flat_tensor(data: bytes, dtype: torch.dtype, length: int) -> Tensor:
    """`length` values of `dtype` out of raw little-endian bytes.

    Raises:
        CheckpointError: fewer bytes than that.
    """
    if len(data) < length * dtype.itemsize:
        raise CheckpointError(f"a tensor's data is cut short: {len(data)} of {length * dtype.itemsize} bytes")
    if not length:
        return torch.empty(0, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype, count=length)


def read_legacy_storage(data: Any) -> Tensor:
    """The values of one storage saved by torch's legacy format, as NVlabs pickles embed them."""
    if not isinstance(data, bytes):
        raise CheckpointError(f"expected the bytes of a tensor, found {type(data).__name__}")
    value, storages = read_legacy(Bounded(io.BytesIO(data), len(data)), MOST_OPCODES_OF_A_STORAGE)
    key, _, _ = storage_dtype(value.value)
    if key not in storages:
        raise CheckpointError(f"the data of storage {key[:40]!r} is missing in this checkpoint")
    return storages[key]


def read_legacy(file: Bounded, most: int | None = None) -> tuple[Pickle, Storages]:
    """What a torch file in the format before zip holds: five pickles, then the storages one after the other.

    Args:
        most: instructions in each of the pickles, where fewer than usual must do.

    Raises:
        CheckpointError: another format, or damaged.
    """
    if read_pickle(file, (), most=most).value != LEGACY_MAGIC:
        raise CheckpointError("expected a file written by torch.save, found another pickle")
    for _ in range(2):  # protocol version, byte order and type sizes
        read_pickle(file, (), most=most)
    value = read_pickle(file, NAMES, persistent_ids=True, most=most)
    keys = read_pickle(file, (), most=most).value
    declared = storages_of(value.value)
    storages: Storages = {}
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError("expected the names of this file's storages, found something else: it is damaged")
    for key in keys:
        length = int.from_bytes(file.read(8), "little", signed=True)
        dtype, wanted = declared.get(key, (torch.uint8, 0))
        if length < wanted or length < 0:
            raise CheckpointError(f"storage {key[:40]!r} declares {wanted} values, the file holds {length}: it is cut short")
        storages[key] = flat_tensor(file.read(length * dtype.itemsize), dtype, length)
    return value, storages
