"""Reads tensors from a pickle's records and checks every size against the bytes that are really there."""

import io
import math
from collections.abc import Callable
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
MOST_DIMS = 8
NAMES = {
    "collections.OrderedDict",
    "collections.defaultdict",
    "builtins.dict",
    "builtins.set",
    "__builtin__.dict",  # as protocol 2 spells them, which torch.save writes
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
"""Instructions in the pickle of one embedded storage; a file may embed thousands of storages."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The first number of a torch file in the format before zip."""

ReadStorage = Callable[[str, torch.dtype, int], Tensor]
"""Reads the values of a storage, by its key in the file, type and length."""


class TensorReader:
    """Turns records into tensors; each storage is read when its first tensor is asked for.

    Args:
        read: reads the storages of torch's own formats; NVlabs' pickles embed theirs in the records.
    """

    def __init__(self, read: ReadStorage | None = None) -> None:
        self.read = read
        self.storages: dict[str | int, Tensor] = {}
        """Those read so far, by key, or by the id of the embedded bytes."""

    def tensor(self, record: Any) -> Tensor:
        """Returns the tensor or parameter that a record describes.

        Raises:
            CheckpointError: not a tensor, or larger than its data.
        """
        record = _without_parameter(record)
        if called(record) != "torch._utils._rebuild_tensor_v2":
            raise CheckpointError(f"expected a tensor in this checkpoint, found {called(record) or type(record).__name__}")
        try:
            storage, offset, size, stride = record.args[:4]
            counts = [offset, *size, *stride]
            if len(size) > MOST_DIMS or not all(type(n) is int for n in counts):
                raise TypeError(f"its size is not a tuple of at most {MOST_DIMS} whole numbers")
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
            if id(data) not in self.storages:
                self.storages[id(data)] = read_legacy_storage(data)
            return self.storages[id(data)]
        if isinstance(record, PersistentId):
            key, dtype, length = storage_dtype(record)
            if key not in self.storages:
                if self.read is None:
                    raise CheckpointError(f"the data of storage {key[:40]!r} is missing in this checkpoint")
                self.storages[key] = self.read(key, dtype, length)
            if self.storages[key].dtype != dtype:
                raise CheckpointError(f"storage {key[:40]!r} is declared with two types of values")
            return self.storages[key]
        raise CheckpointError(f"expected a tensor's storage, found {type(record).__name__}")


def _without_parameter(record: Any) -> Any:
    """Returns the record of the tensor inside the record of a parameter; all others as they are."""
    return record.args[0] if called(record) == "torch._utils._rebuild_parameter" and record.args else record


def shape_of(record: Any) -> tuple[int, ...] | None:
    """Returns the shape that the record of a tensor states, without reading its data; None for anything else."""
    record = _without_parameter(record)
    if called(record) != "torch._utils._rebuild_tensor_v2" or len(record.args) < 4:
        return None
    size = record.args[2]
    return size if isinstance(size, tuple) and all(isinstance(n, int) for n in size) else None


def called(record: Any) -> str | None:
    """Returns the name that a record asks to call; None for anything else."""
    return record.function.name if isinstance(record, Call) and isinstance(record.function, Global) else None


def storage_dtype(persistent_id: Any) -> tuple[str, torch.dtype, int]:
    """Returns the key, type and length that one of torch's persistent ids declares.

    Raises:
        CheckpointError: not a storage, or of a type that is not read.
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
    """Returns type and length of every storage that a value refers to, by key."""
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
    """Returns `length` values of `dtype` from raw little-endian bytes.

    Raises:
        CheckpointError: fewer bytes than that.
    """
    if len(data) < length * dtype.itemsize:
        raise CheckpointError(f"a tensor's data is cut short: {len(data)} of {length * dtype.itemsize} bytes")
    if not length:
        return torch.empty(0, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype, count=length)


def read_legacy_storage(data: Any) -> Tensor:
    """Returns the values of one storage saved in torch's legacy format, as NVlabs' pickles embed them.

    Raises:
        CheckpointError: anything else, or damaged.
    """
    if not isinstance(data, bytes):
        raise CheckpointError(f"expected the bytes of a tensor, found {type(data).__name__}")
    value, read = read_legacy(Bounded(io.BytesIO(data), len(data)), MOST_OPCODES_OF_A_STORAGE)
    return read(*storage_dtype(value.value))


def read_legacy(file: Bounded, most: int | None = None) -> tuple[Pickle, ReadStorage]:
    """Reads a torch file in the format before zip: five pickles, then the storages, which are read when they are asked for.

    Args:
        most: limit of the instructions in each pickle, where it is lower than usual.

    Raises:
        CheckpointError: another format, or damaged.
    """
    if read_pickle(file, (), most=most).value != LEGACY_MAGIC:
        raise CheckpointError("expected a file written by torch.save, found another pickle")
    for _ in range(2):  # protocol version, byte order and type sizes
        read_pickle(file, (), most=most)
    value = read_pickle(file, NAMES, persistent_ids=True, most=most)
    keys = read_pickle(file, (), most=most).value
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError("expected the names of this file's storages, found something else: it is damaged")
    declared, places = storages_of(value.value), {}
    for key in keys:
        length = int.from_bytes(file.read(8), "little", signed=True)
        dtype, wanted = declared.get(key, (torch.uint8, 0))
        if length < wanted or length < 0:
            raise CheckpointError(f"storage {key[:40]!r} declares {wanted} values, the file holds {length}: it is cut short")
        places[key] = (file.tell(), length)
        file.skip(length * dtype.itemsize)

    def read(key: str, dtype: torch.dtype, _: int) -> Tensor:
        if key not in places:
            raise CheckpointError(f"the data of storage {key[:40]!r} is missing: the file is cut short")
        at, length = places[key]
        file.seek(at)
        return flat_tensor(file.read(length * dtype.itemsize), dtype, length)

    return value, read
