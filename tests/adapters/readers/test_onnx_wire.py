"""How much of an ONNX file is description, by its fields alone."""

import pytest

from foreign_modules import Painter, as_onnx
from orojar_adapters import CheckpointError
from orojar_adapters.readers import onnx_wire
from orojar_adapters.readers.onnx_wire import check_description


def field(number: int, data: bytes) -> bytes:
    assert len(data) < 2**14
    return bytes([number << 3 | 2, len(data) & 127 | 128, len(data) >> 7]) + data


def test_the_values_of_tensors_are_no_description(monkeypatch, tmp_path):
    data = as_onnx(Painter(), tmp_path / "g.onnx").read_bytes()
    values = sum(4 * value.numel() for value in Painter().state_dict().values() if value.is_floating_point())
    monkeypatch.setattr(onnx_wire, "MOST_DESCRIPTION", len(data) - values)
    check_description(memoryview(data))
    monkeypatch.setattr(onnx_wire, "MOST_DESCRIPTION", len(data) - values - 100)
    with pytest.raises(CheckpointError, match="describes its graph in more than"):
        check_description(memoryview(data))


def test_bytes_in_other_places_are_description(monkeypatch):
    monkeypatch.setattr(onnx_wire, "MOST_DESCRIPTION", 1000)
    for data in (field(3, bytes(2000)), field(7, field(1, bytes([10, 0]) * 1000)), field(7, field(5, field(8, bytes(2000))))):
        with pytest.raises(CheckpointError, match="describes its graph"):
            check_description(memoryview(data))
    check_description(memoryview(field(7, field(5, field(9, bytes(2000))))))


@pytest.mark.parametrize(
    "data", [b"\x3a\x05", b"\x3a", b"\x08", b"\x3b\0", b"\x3a" + b"\xff" * 12, b"\x39\0", b"\x3a\x02\x2a\x09"]
)
def test_a_message_that_makes_no_sense_is_damaged(data):
    with pytest.raises(CheckpointError, match="damaged"):
        check_description(memoryview(data))
