"""The originals' own files: where those of this repository are, and their state dicts as data, without any of our renaming."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from orojar_adapters.readers.records import NAMES, TensorReader, called
from orojar_adapters.readers.torch_file import read_torch
from orojar_adapters.readers.unpickle import Bounded, read_pickle

SHIPPED = Path(__file__).parents[1] / "golden"
"""Three of the originals' files that lie in this repository; the `golden` fixture gives the folder of all of them."""


def arrays(path: Path) -> dict[str, Tensor]:
    """What the original code computed of one of these files: inputs and outputs by name."""
    return {name: torch.from_numpy(array) for name, array in np.load(path).items()}


def demo(golden: Path) -> Path:
    """The trained rosinality file that lies beside the folder of golden ones."""
    path = golden.parent / "demo" / "scenes_stylegan2_32.pt"
    if not path.is_file():
        pytest.skip(f"the trained original is not at {path}")
    return path


def nvlabs_modules(path: Path) -> dict[str, dict[str, Any]]:
    """The attributes of the networks at the top of one of NVlabs' pickles, by name."""
    with path.open("rb") as file:
        value = read_pickle(Bounded(file, path.stat().st_size), NAMES).value
    return {name: record.args[0]["state"] for name, record in value.items() if called(record)}


def nvlabs_state(module: dict[str, Any], prefix: str = "") -> dict[str, Tensor]:
    """All parameters and buffers of a module and of those below."""
    own = module["_parameters"] | module["_buffers"]
    state = {prefix + name: TensorReader().tensor(record) for name, record in own.items() if record is not None}
    for name, child in module["_modules"].items():
        if called(child):
            state |= nvlabs_state(child.args[0]["state"], f"{prefix}{name}.")
    return state


def rosinality_file(path: Path) -> dict[str, Any]:
    """What one of rosinality's files holds: state dicts by network, and the average."""
    with read_torch(path) as (pickle, reader):
        return {
            key: reader.tensor(value) if called(value) else {name: reader.tensor(record) for name, record in value.items()}
            for key, value in pickle.value.items()
        }


def assert_same_tensors(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """The same names, shapes, dtypes and bits."""
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].shape == tensor.shape, name
        assert found[name].dtype == tensor.dtype, name
        assert found[name].equal(tensor), name
