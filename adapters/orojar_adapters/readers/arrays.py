"""Reads NumPy arrays and numbers from a pickle's records and checks every size against the bytes that are really there."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.records import MOST_DIMS, called

CODES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"}
ORDERS = {"<", ">", "=", "|"}


class ArrayReader:
    """Turns records of arrays into tensors; arrays that share bytes share a storage."""

    def __init__(self) -> None:
        self.flat: dict[tuple[int, str], np.ndarray] = {}

    def tensor(self, record: Any) -> Tensor:
        """Returns the values of a pickled NumPy array or scalar, in this machine's byte order.

        Raises:
            CheckpointError: not an array, of a type that is not read, or with more or fewer bytes than its shape takes.
        """
        try:
            raw, dtype, shape, axes = _parts(record)
            if len(shape) > MOST_DIMS or not all(type(size) is int for size in shape):
                raise TypeError(f"its shape is not a tuple of at most {MOST_DIMS} whole numbers")
            if sorted(axes) != list(range(len(shape))):
                raise ValueError("the order of its axes makes no sense")
            flat = self._flat(raw, _dtype(dtype))
        except (TypeError, ValueError) as e:
            raise CheckpointError(f"an array in this checkpoint is malformed ({str(e)[:200]})") from e
        if min(shape, default=1) < 1 or math.prod(shape) != len(flat):
            claim = f"an array of shape {str(tuple(shape))[:200]}"
            raise CheckpointError(f"{claim} claims other than the {len(flat)} values stored for it")
        return torch.from_numpy(flat.reshape(shape)).permute(tuple(axes))

    def _flat(self, raw: Any, dtype: np.dtype) -> np.ndarray:
        """Returns the values in a row, in memory that may be written to."""
        key = (id(raw), dtype.str)
        if key not in self.flat:
            values = np.frombuffer(_bytes(raw), dtype)
            self.flat[key] = values.astype(dtype.newbyteorder("="))
        return self.flat[key]


def _parts(record: Any) -> tuple[Any, Any, Any, Any]:
    """Returns bytes, type, the shape in which the bytes lie row by row, and how its axes are then reordered."""
    name = called(record) or type(record).__name__
    kind, axes = name.rpartition(".")[2], None
    if kind == "_reconstruct":  # filled by its state, below protocol 5
        _, shape, dtype, fortran, raw = record.state
    elif kind == "_frombuffer":  # protocol 5
        raw, dtype, shape, order, *rest = record.args
        fortran, axes = order == "F", rest[0] if order == "K" and rest else None
    elif kind == "scalar":
        dtype, raw, shape, fortran = *record.args, (), False
    else:
        raise CheckpointError(f"expected an array in this checkpoint, found {name}")
    dims = range(len(shape))
    return (raw, dtype, shape[::-1], dims[::-1]) if fortran else (raw, dtype, shape, dims if axes is None else axes)


def _dtype(record: Any) -> np.dtype:
    """Returns a plain type of numbers, with the byte order from its state."""
    code = record.args[0] if called(record) == "numpy.dtype" and record.args else None
    if not isinstance(code, str) or code not in CODES:
        raise CheckpointError(f"an array in this checkpoint holds values of a type that is not read; read are {sorted(CODES)}")
    order = record.state[1] if isinstance(record.state, tuple) and len(record.state) > 1 else "="
    if order not in ORDERS:
        raise ValueError("its byte order is unknown")
    return np.dtype(f"{order}{code}")


def _bytes(raw: Any) -> bytes | bytearray:
    """Returns bytes, also from the text in Latin-1 that protocol 2 writes."""
    if called(raw) == "_codecs.encode" and len(raw.args) == 2:
        text, encoding = raw.args
        if isinstance(text, str) and encoding == "latin1":
            return text.encode("latin1")
    if not isinstance(raw, (bytes, bytearray)):
        raise TypeError(f"its values are not bytes but a {type(raw).__name__}")
    return raw


def number(value: Any) -> float:
    """Returns a Python number, also from the record of a NumPy scalar.

    Raises:
        CheckpointError: not a number, NaN, infinite, or larger than any setting.
    """
    is_scalar = (called(value) or "").endswith("multiarray.scalar")
    found = ArrayReader().tensor(value).item() if is_scalar else value
    if not isinstance(found, (int, float)):
        raise CheckpointError(f"expected a number in this checkpoint, found {type(value).__name__}")
    if not abs(found) < 2**63:  # NaN too
        raise CheckpointError("a number in this checkpoint is not finite, or larger than any setting")
    return found
