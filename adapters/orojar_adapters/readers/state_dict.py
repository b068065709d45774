"""State dicts in torch files: where they lie, and their tensors one by one."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.tensors import TensorReader, called

PLACES = ("g_ema", "G_ema", "netG_ema", "gen_ema", "ema", "netG_state_dict", "generator_state_dict", "G_state_dict")
PLACES += ("state_dict", "model_state_dict", "model", "generator", "netG", "gen", "G", "g")
"""Under which names training scripts save a generator's state dict, averaged weights first."""
PREFIX = "module."
"""What DataParallel puts before every name."""


def state_dicts(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The state dicts that a torch file may hold, by the names they have there: `PLACES`, the file itself, others."""
    if isinstance(value, dict):
        others = ((str(place)[:40], found) for place, found in value.items() if place not in PLACES)
        seen: set[int] = set()  # one that is there under thousands of names is looked at once
        for place, records in [*((place, value.get(place)) for place in PLACES), ("state dict", value), *others]:
            if isinstance(records, dict) and id(records) not in seen:
                seen.add(id(records))
                yield place, {str(name).removeprefix(PREFIX): record for name, record in records.items()}


def shape_of(record: Any) -> tuple[int, ...] | None:
    """The size that the record of a tensor states, before anything is read for it; None for anything else."""
    if called(record) == "torch._utils._rebuild_parameter" and record.args:
        record = record.args[0]
    if called(record) != "torch._utils._rebuild_tensor_v2" or len(record.args) < 4:
        return None
    size = record.args[2]
    return size if isinstance(size, tuple) and all(isinstance(n, int) for n in size) else None


class StateDict:
    """The tensors of a state dict, each taken once, and together no more values than the file has.

    Args:
        records: the records of tensors by name; what is no tensor is not looked at.
        origin: whose they are, for messages.
    """

    def __init__(self, records: dict[str, Any], reader: TensorReader, origin: str) -> None:
        self.records = {name: record for name, record in records.items() if called(record) is not None}
        self.reader, self.origin = reader, origin
        self.left = sum(storage.numel() for storage in reader.storages.values())

    def __contains__(self, name: str) -> bool:
        return name in self.records

    def get(self, name: str, dims: int | None = None) -> Tensor:
        """A tensor that must be there.

        Raises:
            CheckpointError: it is not there, or has another number of dimensions.
        """
        if name not in self.records:
            raise CheckpointError(f"expected the tensor {name!r} of {self.origin}, it is missing")
        tensor = self.reader.tensor(self.records[name])
        if dims is not None and tensor.ndim != dims:
            raise CheckpointError(f"expected {name!r} with {dims} dimensions, its shape is {tuple(tensor.shape)}")
        return tensor

    def take(self, name: str, dims: int | None = None) -> Tensor:
        """As `get`, for the last time: what nobody takes is left over.

        Raises:
            CheckpointError: as for `get`, or tensors that share their values: a small file could fill the memory with copies.
        """
        tensor = self.get(name, dims)
        del self.records[name]
        self.left -= tensor.numel()
        if self.left < 0:
            raise CheckpointError(f"tensors up to {name[:80]!r} share their values, those of {self.origin} do not: refused")
        return tensor

    def drop(self, *names: str) -> None:
        """What may be there and is of no use."""
        for name in names:
            self.records.pop(name, None)

    def rest(self) -> dict[str, Tensor]:
        """What nobody took, by the names it has in the file."""
        return {name: self.reader.tensor(record) for name, record in self.records.items()}
