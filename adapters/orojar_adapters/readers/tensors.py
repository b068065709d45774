"""Tensors and numbers out of a pickle's records, every size checked against the bytes that are really there."""

import io
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.errors import CheckpointError
from orojar_adapters.readers.unpickle import Call, Global, PersistentId, Pickle, Readable, read_pickle

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
NAMES = {
    "collections.OrderedDict",
    "collections.defaultdict",
    "builtins.dict",
    "builtins.set",
    "argparse.Namespace",
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
    *(f"torch.{kind}Storage" for kind in DTYPES),
}
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

    def tensor(self, record: Any) -> Tensor:
        """The tensor or parameter that a record describes.

        Raises:
            CheckpointError: not a tensor, or larger than its data.
        """
        name = called(record)
        if name == "torch._utils._rebuild_parameter":
            return self.tensor(record.args[0])
        if name != "torch._utils._rebuild_tensor_v2":
            raise CheckpointError(f"expected a tensor in this checkpoint, found {name or type(record).__name__}")
        try:
            storage, offset, size, stride = record.args[:4]
            flat = self._storage(storage)
            counts = [int(n) for n in (offset, *size, *stride)]
            numel = torch.Size(size).numel() if size else 1
            last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if numel else 0
        except (TypeError, ValueError) as e:
            raise CheckpointError(f"a tensor in this checkpoint is malformed ({e})") from e
        if min(counts, default=0) < 0 or numel > len(flat) or (numel and last >= len(flat)):
            raise CheckpointError(
                f"a tensor of size {tuple(size)} claims more than the {len(flat)} values stored for it"
            )
        return flat.as_strided(tuple(size), tuple(stride), offset)

    def _storage(self, record: Any) -> Tensor:
        if called(record) == "torch.storage._load_from_bytes":
            return read_legacy_storage(record.args[0])
        if isinstance(record, PersistentId):
            key = str(record.value[2])
            if key not in self.storages:
                raise CheckpointError(f"the data of storage {key!r} is missing: the file is cut short")
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
    if isinstance(value, (int, float)):
        return value
    if (called(value) or "").endswith("multiarray.scalar"):
        kind, raw = value.args
        if called(kind) == "numpy.dtype" and kind.args[0] in ("f8", "f4", "i8", "i4") and isinstance(raw, bytes):
            dtype = {"f8": torch.float64, "f4": torch.float32, "i8": torch.int64, "i4": torch.int32}[kind.args[0]]
            if len(raw) == dtype.itemsize:
                return torch.frombuffer(bytearray(raw), dtype=dtype).item()
    raise CheckpointError(f"expected a number in this checkpoint, found {type(value).__name__}")


def storage_dtype(persistent_id: Any) -> tuple[str, torch.dtype, int]:
    """Key, type and length that a torch persistent id declares.

    Raises:
        CheckpointError: it is no storage, or of a type that is not read.
    """
    try:
        kind, storage, key, _, length = persistent_id.value[:5]
        dtype = DTYPES[storage.name.removeprefix("torch.").removesuffix("Storage")]
        if kind != "storage" or not isinstance(length, int) or length < 0:
            raise ValueError(kind)
    except (TypeError, ValueError, KeyError, AttributeError) as e:
        raise CheckpointError("this file refers to something that is not a tensor's storage") from e
    return str(key), dtype, length


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
    value, storages = read_legacy(io.BytesIO(data))
    key, _, _ = storage_dtype(value.value)
    return storages[key]


def read_legacy(file: Readable) -> tuple[Pickle, Storages]:
    """What a torch file in the format before zip holds: five pickles, then the storages one after the other.

    Raises:
        CheckpointError: another format, or damaged.
    """
    if read_pickle(file, ()).value != LEGACY_MAGIC:
        raise CheckpointError("expected a file written by torch.save, found another pickle")
    for _ in range(2):  # protocol version, byte order and type sizes
        read_pickle(file, ())
    value = read_pickle(file, NAMES, persistent_ids=True)
    keys = read_pickle(file, ()).value
    declared = storages_of(value.value)
    storages: Storages = {}
    for key in keys if isinstance(keys, list) else ():
        length = int.from_bytes(file.read(8), "little", signed=True)
        dtype, wanted = declared.get(str(key), (torch.uint8, 0))
        if length < wanted or length < 0:
            raise CheckpointError(f"storage {key!r} declares {wanted} values, the file holds {length}")
        storages[str(key)] = flat_tensor(file.read(length * dtype.itemsize), dtype, length)
    return value, storages
