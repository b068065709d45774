"""NumPy arrays from records: correct for every type, order and protocol, refused where they claim more than there is."""

import io
import pickle

import numpy as np
import pytest
import torch

from foreign_files import Name, pickled
from hostile import call, name, program, string
from orojar_adapters import CheckpointError
from orojar_adapters.readers.arrays import ArrayReader, number
from orojar_adapters.readers.records import NAMES
from orojar_adapters.readers.unpickle import Bounded, Call, Global, read_pickle

DTYPE = Call(Global("numpy.dtype"), ("f4", False, True), (3, "<", None, None, None, -1, -1, 0))
EIGHT = np.arange(8, dtype=np.float32)
BYTES = EIGHT.tobytes()


def read(data: bytes):
    return read_pickle(Bounded(io.BytesIO(data), len(data)), NAMES).value


def rebuilt(shape=(8,), dtype=DTYPE, fortran=False, raw=BYTES) -> Call:
    return Call(Global("numpy.core.multiarray._reconstruct"), (), (1, shape, dtype, fortran, raw))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("code", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1", ">f4", ">i8"])
def test_arrays_of_every_type_come_out_of_every_protocol(code, protocol):
    values = np.arange(12).reshape(3, 4).astype(code)
    found = ArrayReader().tensor(read(pickle.dumps(values, protocol)))
    assert torch.equal(found, torch.from_numpy(values.astype(code.lstrip(">"))))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_every_layout_come_out_of_every_protocol(protocol):
    rows = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    strided = (rows.T, rows.transpose(1, 0, 2), rows[:, ::2], rows[::-1])
    for values in (rows, np.asfortranarray(rows), *strided, np.array(2.5), rows[:1, :1, :1]):
        found = ArrayReader().tensor(read(pickle.dumps(values, protocol)))
        assert np.array_equal(found.numpy(), values) and found.shape == values.shape


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("value", [np.float32(2.5), np.float64(-1), np.int64(3)])
def test_scalars_are_tensors_without_dimensions(value, protocol):
    found = ArrayReader().tensor(read(pickle.dumps(value, protocol)))
    assert found.shape == () and found.item() == value


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_spellings_of_numpy_are_known(protocol):
    data = pickle.dumps(EIGHT, protocol)
    for spelling in (b"numpy._core", b"numpy.core"):
        assert ArrayReader().tensor(read(data.replace(b"numpy._core", spelling))).tolist() == EIGHT.tolist()


def test_arrays_may_be_written_to_and_shared_bytes_are_held_once():
    reader, raw = ArrayReader(), BYTES
    first, second = reader.tensor(rebuilt(raw=raw)), reader.tensor(rebuilt((2, 4), raw=raw))
    assert first.data_ptr() == second.data_ptr()
    assert first.add_(1)[0] == 1 and raw == BYTES


@pytest.mark.parametrize("shape", [(9,), (7,), (2, 5), (-2, -4), (0,), (0, 2**62), (2**40, 2**40), (), (10**4000,)])
def test_an_array_that_claims_more_or_less_than_its_bytes_is_refused(shape):
    with pytest.raises(CheckpointError, match="claims other than the 8 values stored for it") as caught:
        ArrayReader().tensor(rebuilt(shape))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "record",
    [
        rebuilt(None),
        rebuilt((8.0,)),
        rebuilt((True,) * 8),
        rebuilt((1,) * 8 + (8,)),
        rebuilt(raw=[1.0] * 8),
        rebuilt(raw="x" * 32),
        rebuilt(raw=BYTES[:-1]),
        Call(Global("numpy.core.numeric._frombuffer"), (BYTES, DTYPE, (2, 4), "K", (0, 0))),
        Call(Global("numpy.core.numeric._frombuffer"), (BYTES, DTYPE, (2, 4), "K", (0, 1, 2))),
        Call(Global("numpy.core.numeric._frombuffer"), (BYTES, DTYPE)),
        rebuilt(raw=Call(Global("_codecs.encode"), ("x" * 32, "utf-16"))),
        rebuilt(raw=Call(Global("_codecs.encode"), ("\u1234" * 32, "latin1"))),
        rebuilt(dtype=Call(Global("numpy.dtype"), ("f4",), (3, "!"))),
        rebuilt(dtype=Call(Global("numpy.dtype"), ("f4",), (3, [])))
    ],
)  # fmt: skip
def test_a_malformed_array_is_refused(record):
    with pytest.raises(CheckpointError, match="malformed"):
        ArrayReader().tensor(record)


@pytest.mark.parametrize(
    "dtype", [None, "f4", Call(Global("numpy.dtype"), ()), Call(Global("numpy.dtype"), ("O8",)), Call("x", ("f4",))]
)
def test_values_of_other_types_are_refused(dtype):
    with pytest.raises(CheckpointError, match="of a type that is not read"):
        ArrayReader().tensor(rebuilt(dtype=dtype))


def test_an_array_of_objects_is_refused():
    with pytest.raises(CheckpointError, match="of a type that is not read"):
        ArrayReader().tensor(read(pickle.dumps(np.array([None, "x"], dtype=object), 2)))


@pytest.mark.parametrize(
    "data",
    [
        program(pickle.NONE),
        program(string("x")),
        program(call("builtins.set")),
        program(name("numpy.core.multiarray._reconstruct")),
    ],
)
def test_what_is_no_array_is_refused(data):
    with pytest.raises(CheckpointError, match=r"expected an array .* found"):
        ArrayReader().tensor(read(data))


def test_an_array_that_is_never_filled_is_refused():
    with pytest.raises(CheckpointError, match="malformed"):
        ArrayReader().tensor(read(program(call("numpy.core.multiarray._reconstruct"))))


@pytest.mark.parametrize("value", [3, 2.5, np.float64(2.5), np.float32(2.5), np.int64(-3), np.int32(7)])
def test_numbers_are_read_of_python_and_of_numpy(value):
    assert number(read(pickle.dumps(value))) == value


@pytest.mark.parametrize("package", ["numpy.core", "numpy._core"])
def test_numbers_of_both_spellings_of_numpy_are_known(package):
    record = read(pickle.dumps(np.float64(1.25)))
    record.function = read(pickled(Name(f"{package}.multiarray", "scalar")))
    assert number(record) == 1.25


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**63, 10**400, np.float64("nan"), np.float32("-inf")])
def test_numbers_that_are_not_finite_or_too_large_are_refused(value):
    with pytest.raises(CheckpointError, match="not finite, or larger than any setting"):
        number(read(pickle.dumps(value)))


SCALAR, TYPE = Global("numpy.core.multiarray.scalar"), Global("numpy.dtype")


@pytest.mark.parametrize(
    "record",
    [
        None,
        "1",
        [1],
        Call(SCALAR, ()),
        Call(SCALAR, (None, b"")),
        Call(SCALAR, (Call(TYPE, ()), b"\0" * 8)),
        Call(SCALAR, (Call(TYPE, ([],)), b"\0" * 8)),
        Call(SCALAR, (Call(TYPE, ("O8",)), b"\0" * 8)),
        Call(SCALAR, (Call(TYPE, ("f8",)), b"\0" * 7)),
        Call(SCALAR, (Call(TYPE, ("f8",)), "12345678")),
        Call(Global("builtins.set"), ()),
    ],
)
def test_what_is_not_a_number_is_refused(record):
    with pytest.raises(CheckpointError, match=r"expected a number|malformed|type that is not read|claims other"):
        number(record)
