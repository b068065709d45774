"""Tensors from records: correct for every type and layout, refused where they claim more than there is."""

import io
import pickle
import struct

import pytest
import torch

from hostile import Attack, binary, call, deep, name, program, string
from orojar_adapters import CheckpointError
from orojar_adapters.readers.records import DTYPES, NAMES, TensorReader, read_legacy_storage, shape_of
from orojar_adapters.readers.unpickle import Bounded, Call, Global, PersistentId, read_pickle

EIGHT = torch.arange(8.0)


def read(data: bytes, persistent_ids: bool = False):
    return read_pickle(Bounded(io.BytesIO(data), len(data)), NAMES, persistent_ids).value


def rebuilt(offset=0, size=(8,), stride=(1,), storage="0") -> Call:
    """The record of a tensor over the eight values of storage `0`."""
    kept = PersistentId(("storage", Global("torch.FloatStorage"), storage, "cpu", 8))
    return Call(Global("torch._utils._rebuild_tensor_v2"), (kept, offset, size, stride, False, {}))


def reader() -> TensorReader:
    def stored(key: str, dtype: torch.dtype, length: int) -> torch.Tensor:
        if key != "0":
            raise CheckpointError(f"storage {key!r} is missing")
        return EIGHT

    return TensorReader(stored)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_tensors_of_every_type_come_out_of_a_pickle(dtype):
    wanted = torch.arange(12).reshape(3, 4).to(dtype)
    assert torch.equal(TensorReader().tensor(read(pickle.dumps(wanted))), wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        EIGHT,
        EIGHT.view(2, 4).T,
        EIGHT[3:7],
        EIGHT[::2],
        torch.tensor(3.5),
        torch.nn.Parameter(EIGHT.clone()),
        torch.arange(16.0).view(1, 2, 2, 4).contiguous(memory_format=torch.channels_last),
    ],
    ids=["flat", "transposed", "slice", "strided", "scalar", "parameter", "channels-last"],
)
def test_tensors_of_every_layout_come_out_of_a_pickle(wanted):
    found = TensorReader().tensor(read(pickle.dumps(wanted)))
    assert torch.equal(found, wanted)
    assert found.shape == wanted.shape


def test_a_tensor_that_is_used_twice_is_read_once():
    first, second = read(pickle.dumps([EIGHT, EIGHT.view(2, 4)]))
    second.args = (first.args[0], *second.args[1:])  # one record of a storage for both
    kept = TensorReader()
    assert kept.tensor(first).data_ptr() == kept.tensor(second).data_ptr()


@pytest.mark.parametrize(
    "record",
    [
        rebuilt(size=(9,)),
        rebuilt(offset=1),
        rebuilt(size=(2, 4), stride=(5, 1)),
        rebuilt(size=(10**9,), stride=(0,)),
        rebuilt(size=(2**32, 2**32), stride=(1, 1)),
        rebuilt(size=(-1,)),
        rebuilt(size=(-2, -4), stride=(4, 1)),
        rebuilt(offset=-1),
        rebuilt(stride=(-1,)),
        rebuilt(offset=2**70, size=(1,)),
        rebuilt(offset=2**70, size=(0,)),
        rebuilt(size=(0, 2**62), stride=(1, 1)),
        rebuilt(offset=8, size=(), stride=()),
    ],
)
def test_a_tensor_that_claims_more_than_its_storage_is_refused(record):
    with pytest.raises(CheckpointError, match="claims other than the 8 values stored for it"):
        reader().tensor(record)


@pytest.mark.parametrize(
    "record",
    [
        rebuilt(size=(2, 4)),
        rebuilt(size=None),
        rebuilt(size=("8",)),
        rebuilt(size=(8.0,)),
        rebuilt(stride=(1.0,)),
        rebuilt(offset=None),
        rebuilt(size=(1,) * 9, stride=(1,) * 9),
        rebuilt(size=([8],)),
        Call(Global("torch._utils._rebuild_tensor_v2"), ()),
    ],
)
def test_a_malformed_tensor_is_refused(record):
    with pytest.raises(CheckpointError, match="malformed"):
        reader().tensor(record)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (None, "expected a tensor .* found NoneType"),
        ("x", "found str"),
        (Call(Global("builtins.set"), ()), r"found builtins\.set"),
        (Call("x", ()), "found Call"),
        (Call(Global("torch._utils._rebuild_parameter"), ()), "found torch._utils._rebuild_parameter"),
        (rebuilt(storage="1"), "storage '1' is missing"),
        (rebuilt(storage=["0"]), "not a tensor's storage"),
        (Call(Global("torch._utils._rebuild_tensor_v2"), ("x", 0, (8,), (1,))), "storage, found str"),
        (Call(Global("torch._utils._rebuild_tensor_v2"), (PersistentId(None), 0, (8,), (1,))), "not a tensor's storage"),
    ],
)
def test_what_is_no_tensor_is_refused(record, words):
    with pytest.raises(CheckpointError, match=words):
        reader().tensor(record)


def test_one_storage_of_two_types_is_refused():
    kept = reader()
    kept.tensor(rebuilt())
    record = rebuilt()
    record.args[0].value = ("storage", Global("torch.LongStorage"), "0", "cpu", 8)
    with pytest.raises(CheckpointError, match="two types"):
        kept.tensor(record)


def test_without_storages_of_a_file_references_to_them_are_refused():
    with pytest.raises(CheckpointError, match="storage '0' is missing"):
        TensorReader().tensor(rebuilt())


@pytest.mark.parametrize(
    ("record", "shape"),
    [
        (rebuilt(size=(2, 4), stride=(4, 1)), (2, 4)),
        (Call(Global("torch._utils._rebuild_parameter"), (rebuilt(),)), (8,)),
        (rebuilt(size=(2**40,)), (2**40,)),
        (rebuilt(size="8"), None),
        (3, None),
        ({}, None),
        (Call(Global("builtins.set"), ()), None),
    ],
)
def test_a_shape_is_what_the_record_states(record, shape):
    assert shape_of(record) == shape


def test_parameters_of_parameters_are_refused_without_following_them():
    with pytest.raises(CheckpointError, match=r"found torch._utils._rebuild_parameter"):
        TensorReader().tensor(read(program(deep("parameter"))))


def legacy(*pickles: bytes, rest: bytes = b"") -> bytes:
    """A torch file in the format before zip: magic, version, system, value, keys, then the data."""
    start = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2)]
    return b"".join([*start, *pickles]) + rest


def reference(key: bytes = string("0"), length: int = 8, kind: str = "torch.FloatStorage") -> bytes:
    parts = [string("storage"), name(kind), key, string("cpu"), pickle.LONG1 + b"\x09" + length.to_bytes(9, "little")]
    return program(pickle.MARK, *parts, pickle.TUPLE, pickle.BINPERSID)


KEYS = pickle.dumps(["0"], 2)
VALUES = struct.pack("<q8f", 8, *range(8))


def test_a_storage_written_by_hand_is_read():
    assert torch.equal(read_legacy_storage(legacy(reference(), KEYS, rest=VALUES)), EIGHT)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("x", "expected the bytes of a tensor, found str"),
        (b"", "damaged or cut short"),
        (pickle.dumps(1), "expected a file written by torch.save"),
        (legacy(), "damaged or cut short"),
        (legacy(pickle.dumps(1), KEYS), "not a tensor's storage"),
        (legacy(reference(), pickle.dumps(["1"], 2), rest=VALUES), "storage '0' is missing"),
        (legacy(reference(), pickle.dumps([], 2)), "storage '0' is missing"),
        (legacy(reference(), pickle.dumps(None, 2), rest=VALUES), "names of this file's storages"),
        (legacy(reference(), program(deep("list", 300)), rest=VALUES), "names of this file's storages"),
        (legacy(reference(), KEYS), "declares 8 values, the file holds 0: it is cut short"),
        (legacy(reference(), KEYS, rest=VALUES[:-1]), "cut short: 31 of 32 bytes"),
        (legacy(reference(), KEYS, rest=struct.pack("<q", -1)), "holds -1"),
        (legacy(reference(), KEYS, rest=struct.pack("<q", 2**62)), "cut short: 0 of"),
        (legacy(reference(length=2**62), KEYS, rest=VALUES), "declares 4611686018427387904 values, the file holds 8"),
        (legacy(reference(length=2**65), KEYS, rest=VALUES), "holds 8"),
        (legacy(reference(key=pickle.EMPTY_TUPLE), KEYS, rest=VALUES), "not a tensor's storage"),
        (legacy(reference(kind="builtins.set"), KEYS, rest=VALUES), "not a tensor's storage"),
        (legacy(reference(kind="os.system"), KEYS, rest=VALUES), "asks for 'os.system'"),
    ],
)
def test_damaged_storages_are_refused(data, words):
    with pytest.raises(CheckpointError, match=words):
        read_legacy_storage(data)


def test_a_command_inside_a_tensors_bytes_is_refused_and_never_run(tmp_path):
    marker = tmp_path / "ran"
    for data in (pickle.dumps(Attack(marker), 2), legacy(pickle.dumps(Attack(marker), 2), KEYS)):
        storage = call("torch.storage._load_from_bytes", binary(data))
        arguments = [storage, pickle.BININT1 + b"\0", *[pickle.BININT1 + b"\1" + pickle.TUPLE1] * 2]
        record = read(program(call("torch._utils._rebuild_tensor_v2", *arguments), protocol=3))
        with pytest.raises(CheckpointError, match=r"asks for '(posix|nt)\.system'"):
            TensorReader().tensor(record)
    assert not marker.exists()
