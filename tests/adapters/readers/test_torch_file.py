"""Zipped torch files: whole, damaged and hostile."""

import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from foreign_files import rosinality_generator
from hostile import Attack, deep, doubled, name, program, string
from orojar_adapters import CheckpointError, load_generator
from orojar_adapters.readers.torch_file import read_torch
from tiny import tiny_stylegan2

MARK = "synthesis.b4.conv1.affine.weight"
"""The name of a tensor that makes a file a StyleGAN2 in NVlabs' names."""


def saved(tmp_path: Path, value) -> Path:
    path = tmp_path / "model.pt"
    torch.save(value, path)
    return path


def rewritten(path: Path, changes: dict[str, bytes | None], compression: int = zipfile.ZIP_STORED) -> Path:
    """The same zip with some entries replaced, added or (None) left out."""
    with zipfile.ZipFile(path) as old:
        folder = old.namelist()[0].split("/")[0]
        entries = {entry.removeprefix(f"{folder}/"): old.read(entry) for entry in old.namelist()} | changes
    with zipfile.ZipFile(path, "w", compression) as new:
        for entry, data in entries.items():
            if data is not None:
                new.writestr(f"{folder}/{entry}", data)
    return path


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in entries.items():
            archive.writestr(entry, data)
    return path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-zip"])
def test_values_and_tensors_are_read(zipped, tmp_path):
    wanted = {"a": torch.arange(6.0).view(2, 3), "b": [torch.ones(2).half(), 3, "x"]}
    torch.save(wanted, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    with read_torch(tmp_path / "model.pt") as (pickle, reader):
        assert torch.equal(reader.tensor(pickle.value["b"][0]), wanted["b"][0])
        assert torch.equal(reader.tensor(pickle.value["a"]), wanted["a"])
        assert pickle.value["b"][1:] == [3, "x"]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-zip"])
def test_a_storage_is_read_when_its_first_tensor_is_asked_for_and_shared_after_that(zipped, tmp_path):
    whole = torch.arange(6.0)
    value = [whole, whole[2:4], torch.zeros(9)]
    torch.save(value, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    with read_torch(tmp_path / "model.pt") as (pickle, reader):
        assert reader.storages == {}
        first, part = (reader.tensor(record) for record in pickle.value[:2])
        assert len(reader.storages) == 1
    assert torch.equal(part, whole[2:4])
    assert part.untyped_storage().data_ptr() == first.untyped_storage().data_ptr()


def test_the_folder_inside_may_have_any_name(tmp_path):
    path = saved(tmp_path, rosinality_generator(tiny_stylegan2()))
    moved = path.rename(tmp_path / "renamed.bin")
    assert torch.equal(load_generator(moved).synthesis.b4.const, tiny_stylegan2().synthesis.b4.const)


def test_a_command_in_its_pickle_is_refused_and_never_run(tmp_path):
    marker = tmp_path / "ran"
    with pytest.raises(CheckpointError, match=r"asks for '(posix|nt)\.system'"):
        load_generator(saved(tmp_path, {"g_ema": Attack(marker)}))
    assert not marker.exists()


def test_compressed_entries_are_refused_before_anything_is_unpacked(tmp_path):
    path = rewritten(saved(tmp_path, {"a": torch.zeros(1)}), {"data/0": bytes(2**24)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**17
    with pytest.raises(CheckpointError, match="compressed or encrypted entries"):
        load_generator(path)


def test_declared_sizes_beyond_the_file_are_refused(tmp_path):
    path = saved(tmp_path, {"a": torch.zeros(4)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2")  # the last entry of the directory
    data[entry + 20 : entry + 28] = (2**31 - 1).to_bytes(4, "little") * 2
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="declares more data than the file has"):
        load_generator(path)


def test_a_changed_byte_is_noticed_by_its_checksum(tmp_path):
    path = saved(tmp_path, rosinality_generator(tiny_stylegan2()))
    data, const = path.read_bytes(), tiny_stylegan2().synthesis.b4.const.detach().numpy().tobytes()
    at = data.index(const)
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(CheckpointError, match=r"damaged or cut short .*CRC"):
        load_generator(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.pkl": None}, "not written by torch.save: it has no data.pkl"),
        ({"data/0": None}, "damaged or cut short"),
        ({"data/0": b"xy"}, "cut short: 2 of 16 bytes"),
        ({"byteorder": b"big"}, "big-endian"),
        ({"data.pkl": b""}, "damaged or cut short"),
        ({"data.pkl": program(name("os.system"))}, "asks for 'os.system'"),
        ({"data.pkl": program(string("x"), pickle.BINPERSID)}, "family that is not read"),
        ({"data.pkl": program(deep("list"))}, "family that is not read"),
        ({"data.pkl": program(deep("dict"))}, "family that is not read"),
        ({"data.pkl": program(doubled())}, "family that is not read"),
        ({"data.pkl": program(pickle.EMPTY_DICT, string("g_ema"), deep("tuple"), pickle.SETITEM)}, "family that is not read"),
    ],
)
def test_damaged_and_hostile_entries_are_refused(changes, words, tmp_path):
    path = rewritten(saved(tmp_path, {MARK: torch.zeros(4)}), changes)
    with pytest.raises(CheckpointError, match=words):
        load_generator(path)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({}, "no known checkpoint format"),  # an empty zip has no first entry, so it does not look like one
        ({"word/document.xml": b"<w/>"}, "not written by torch.save"),
        ({"a/data.pkl": b"N.", "b/data.pkl": b"N."}, "not written by torch.save"),
    ],
)
def test_zips_of_something_else_are_refused(entries, words, tmp_path):
    with pytest.raises(CheckpointError, match=words):
        load_generator(zipped(tmp_path / "model.pt", entries))


def test_two_entries_of_one_name_do_not_add_up(tmp_path):
    path = saved(tmp_path, {"a": torch.zeros(4)})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(archive.namelist()[0], pickle.dumps({}))
    with pytest.raises(CheckpointError, match=r"not written by torch.save"):
        load_generator(path)


@pytest.mark.parametrize(
    ("code", "words"), [({"code/x.py": b""}, "a TorchScript program, not weights"), ({}, "asks for '__torch__.Generator'")]
)
def test_a_torchscript_archive_is_refused(code, words, tmp_path):
    entries = {"data.pkl": program(name("__torch__.Generator")), **code}
    path = rewritten(saved(tmp_path, {"a": torch.zeros(4)}), entries)
    with pytest.raises(CheckpointError, match=words):
        load_generator(path)


def test_extra_bytes_before_the_zip_are_no_zip(tmp_path):
    path = saved(tmp_path, {"a": torch.zeros(4)})
    path.write_bytes(b"junk" + path.read_bytes())
    with pytest.raises(CheckpointError, match="no known checkpoint format"):
        load_generator(path)
