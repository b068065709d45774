"""The tensors of a network by name, decoded lazily: what every remap file takes them from."""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.records import shape_of

MOST_TENSORS = 10_000
SLACK = 2**20
"""Bytes that tensors may share, as small constants do."""


class _Memory:
    """Counts the bytes of tensors against those of the storages that they lie in."""

    def __init__(self) -> None:
        self.storages: set[int] = set()
        self.left = SLACK

    def is_exceeded_by(self, tensor: Tensor) -> bool:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.storages:
            self.storages.add(storage.data_ptr())
            self.left += storage.nbytes()
        self.left -= tensor.nbytes
        return self.left < 0


class Tensors:
    """Named tensors, each decoded when it is asked for and taken at most once.

    A remap file turns them into arguments and a state dict of one of our networks: it takes what it knows, renamed, and then
    either keeps the `rest` or calls `finish`, which refuses leftovers. Whatever is asked for and is missing, damaged or of
    another shape raises `CheckpointError`.

    Args:
        records: pairs of a name and what `decode` makes a tensor of.
        decode: returns the tensor of a record. It must keep what several tensors share in one storage.

    Raises:
        CheckpointError: more tensors than any generator has.
    """

    def __init__(self, records: Iterable[tuple[str, Any]], decode: Callable[[Any], Tensor]) -> None:
        self._records: dict[str, Any] = {}
        for name, record in records:
            self._records[name] = record
            if len(self._records) > MOST_TENSORS:
                raise CheckpointError(f"a network in this checkpoint has more than {MOST_TENSORS:,} tensors, no generator has")
        self._decode, self._prefix = decode, ""
        self._memory = _Memory()

    def under(self, prefix: str) -> "Tensors":
        """Returns a view of the tensors whose names begin with a prefix, by their names without it."""
        view = copy.copy(self)
        view._prefix = self._prefix + prefix
        return view

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._records

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __iter__(self) -> Iterator[str]:
        """Yields the names of the tensors that are left, in the order of the file."""
        return iter([name[len(self._prefix) :] for name in self._records if name.startswith(self._prefix)])

    def count(self, pattern: str, start: int = 0) -> int:
        """Returns how many of the names `pattern.format(start)`, `pattern.format(start + 1)`, ... are there in a row."""
        count = 0
        while pattern.format(start + count) in self:
            count += 1
        return count

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Returns the shape that a torch file states for a tensor, without reading it; None for what is not a tensor."""
        return shape_of(self._records[self._prefix + name])

    def get(self, name: str, dims: int | None = None) -> Tensor:
        """Returns a tensor and leaves it here; `dims` is the number of dimensions that it must have."""
        name = self._prefix + name
        if name not in self._records:
            raise CheckpointError(f"the tensor {name!r} is missing")
        tensor = self._decode(self._records[name])
        if dims is not None and tensor.ndim != dims:
            raise CheckpointError(f"expected {name!r} with {dims} dimensions, its shape is {tuple(tensor.shape)}")
        return tensor

    def take(self, name: str, dims: int | None = None) -> Tensor:
        """Returns a tensor and removes it; one that shares its values with others is refused: copies could fill the memory."""
        tensor = self.get(name, dims)
        name = self._prefix + name
        if self._memory.is_exceeded_by(tensor):
            raise CheckpointError(f"tensors up to {name[:80]!r} share their values, no generator's do: refused")
        del self._records[name]
        return tensor

    def first(self, name: str, dims: int) -> Tensor:
        """Takes a tensor that is stored with a leading dimension of 1, and returns it without that."""
        tensor = self.take(name, dims)
        if tensor.shape[0] != 1:
            raise CheckpointError(
                f"expected {self._prefix + name!r} with a leading dimension of 1, its shape is {tuple(tensor.shape)}"
            )
        return tensor[0]

    def layer(self, theirs: str, ours: str, dims: int) -> dict[str, Tensor]:
        """Takes a layer's weight, which has so many dimensions, and bias, and returns them under another name."""
        return {f"{ours}.weight": self.take(f"{theirs}.weight", dims), f"{ours}.bias": self.take(f"{theirs}.bias", 1)}

    def drop(self, *names: str) -> None:
        """Removes tensors that are of no use here, if they are there."""
        for name in names:
            self._records.pop(self._prefix + name, None)

    def rest(self) -> dict[str, Tensor]:
        """Takes all tensors that are left."""
        return {name: self.take(name) for name in self}

    def finish(self) -> None:
        """Checks that every tensor was taken or dropped: a network with others computes something else."""
        if left := sorted(self):
            raise CheckpointError(f"unknown tensors {[name[:80] for name in left[:3]]}, which no such network has")
