"""Model folders and plain files that cannot or must not be read: each gets one clear sentence."""

import json
import shutil
import time
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.readers.folder import WEIGHTS
from tiny import tiny_stylegan2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_stylegan2().save_pretrained(tmp_path / "m")
    return tmp_path / "m"


def change_config(folder: Path, **fields: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))


def change_weights(folder: Path, name: str, tensor: torch.Tensor | None) -> None:
    state = load_file(folder / WEIGHTS)
    state.pop(name, None)
    if tensor is not None:
        state[name] = tensor
    save_file(state, folder / WEIGHTS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"resolution": 2**30}, "resolution"),
        ({"mapping_depth": 10**9}, "mapping_depth"),
        ({"channels": [10**9] * 3}, "channels"),
        ({"channels": [8, 8]}, "channels"),
        ({"w_size": -1}, "w_size"),
        ({"w_size": "many"}, "w_size"),
        ({"_class_name": "os.system"}, "os.system"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_sizes_that_no_generator_has_are_refused_before_anything_is_allocated(folder, fields, words):
    change_config(folder, **fields)
    started = time.monotonic()
    with pytest.raises(CheckpointError, match=words):
        load_generator(folder)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("mapping.w_avg", None, "missing tensors"),
        ("extra", torch.zeros(1), "unknown tensors"),
        ("mapping.w_avg", torch.zeros(9), "should have the shape"),
        ("mapping.w_avg", torch.full((8,), float("nan")), "not finite"),
        ("mapping.w_avg", torch.full((8,), float("inf")), "not finite"),
        ("mapping.w_avg", torch.zeros(8, dtype=torch.int64), "floating-point"),
    ],
)
def test_tensors_that_do_not_fit_are_named(folder, name, tensor, words):
    change_weights(folder, name, tensor)
    with pytest.raises(CheckpointError, match=words) as error:
        load_generator(folder)
    assert name in str(error.value)


def test_half_precision_weights_become_float32(folder):
    save_file({k: v.half() for k, v in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
    assert load_generator(folder).dtype == torch.float32


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "[" * 100_000])
def test_configurations_that_are_no_object_are_refused(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_generator(folder)


def test_weights_cut_short_anywhere_are_refused(folder):
    whole = (folder / WEIGHTS).read_bytes()
    for size in range(0, len(whole), max(1, len(whole) // 40)):
        (folder / WEIGHTS).write_bytes(whole[:size])
        with pytest.raises(CheckpointError):
            load_generator(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\x00\x01\x02" * 100, "no known checkpoint format"),
    ],
)
def test_files_that_are_something_else_are_told_apart(tmp_path, content, words):
    (tmp_path / "model.pkl").write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        load_generator(tmp_path / "model.pkl")


def test_safetensors_without_their_configuration_are_explained(folder, tmp_path):
    shutil.copy(folder / WEIGHTS, tmp_path / "alone.safetensors")
    with pytest.raises(CheckpointError, match=r"without its config\.json"):
        load_generator(tmp_path / "alone.safetensors")


def test_a_zip_that_torch_did_not_write_and_a_compressed_one_are_refused(tmp_path):
    for name, method, words in [("a/x.txt", zipfile.ZIP_STORED, "not written by torch"), ("a/data.pkl", 8, "compressed")]:
        with zipfile.ZipFile(tmp_path / "z.pt", "w", method) as archive:
            archive.writestr(name, b"0" * 10**6)
        with pytest.raises(CheckpointError, match=words):
            load_generator(tmp_path / "z.pt")


def test_a_folder_without_a_discriminator_says_so(folder):
    with pytest.raises(CheckpointError, match="holds no discriminator"):
        load_discriminator(folder)
