"""StyleGAN2 as a flat state dict in NVlabs' PyTorch names: what their classes and `orojar convert --to nvlabs` save.

Sizes are in the shapes. What no tensor tells is as in NVlabs' releases: the mapping's learning-rate multiplier is 0.01, and
activations have no limit, since theirs is for half precision.
"""

from typing import Any

from torch import Tensor

from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.readers.checkpoint import Checkpoint, size_of
from orojar_adapters.readers.nvlabs_stylegan2 import generator_weights, mapping_arguments, without_filters
from orojar_adapters.readers.rosinality import LR_MULTIPLIER
from orojar_adapters.readers.tensors import TensorReader, called
from orojar_adapters.readers.unpickle import Pickle

MARK = "synthesis.b4.conv1.affine.weight"
AVERAGED_FIRST = ("G_ema", "g_ema", "G", "g")


def matches(value: Any) -> bool:
    """Whether a value is such a state dict, or holds one under a usual name."""
    return _found(value) is not None


def is_export(state: dict[str, Tensor]) -> bool:
    """Whether tensors are such a state dict as it leaves NVlabs' classes: the weights of a model folder lack the filters."""
    return MARK in state and any(name.endswith("resample_filter") for name in state)


def read(pickle: Pickle, reader: TensorReader, source: str, file: str) -> Checkpoint:
    """The generator, the averaged one where there are several.

    Raises:
        CheckpointError: tensors missing or of another architecture.
    """
    name, records = _found(pickle.value) or ("G", {})
    state = {_plain(key): reader.tensor(record) for key, record in records.items() if called(record) is not None}
    return checkpoint(state, source, file, (name,), tuple(sorted(pickle.globals)))


def checkpoint(
    state: dict[str, Tensor], source: str, file: str, holds: tuple[str, ...] = ("G",), pickle_globals: tuple[str, ...] = ()
) -> Checkpoint:
    """What a state dict makes.

    Raises:
        CheckpointError: tensors missing or of another architecture.
    """
    state = without_filters(dict(state))
    mapping = mapping_arguments(state, size_of(state, MARK, 1), LR_MULTIPLIER)
    facts = SourceFacts(source, file, "nvlabs-state-dict", holds=holds, pickle_globals=pickle_globals)
    return Checkpoint("stylegan2", generator_weights(state, mapping, None), None, facts)


def _found(value: Any) -> tuple[str, dict] | None:
    if not isinstance(value, dict):
        return None
    for name, records in (*((key, value.get(key)) for key in AVERAGED_FIRST), ("G", value)):
        if isinstance(records, dict) and (MARK in records or f"module.{MARK}" in records):
            return name, records
    return None


def _plain(name: Any) -> str:
    """Without the prefix of DataParallel."""
    return str(name).removeprefix("module.")
