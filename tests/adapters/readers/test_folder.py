"""Model folders: what is in their JSON and safetensors is checked like everything else that people send."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.readers import folder
from tiny import tiny_stylegan2


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder as the project writes it, without a discriminator."""
    tiny_stylegan2().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def configure(model: Path, **changes: Any) -> None:
    config = json.loads((model / folder.CONFIG).read_text())
    (model / folder.CONFIG).write_text(json.dumps(config | changes))


def test_what_a_folder_says_of_its_base_is_carried_along(model):
    base = {"source": "user/repo", "license": "nvidia-source-code", "origin": "nvlabs-pytorch"}
    (model / folder.PROVENANCE).write_text(json.dumps({"base": base}))
    facts = load_generator(model).source_facts
    assert (facts.origin, facts.license, facts.base) == ("orojar-finetune", "nvidia-source-code", base)
    assert facts.holds == ("generator",)
    assert facts.pickle_globals == ()


@pytest.mark.parametrize("provenance", [{}, {"base": None}, {"base": [1]}, {"base": {}}])
def test_a_folder_may_say_nothing_of_its_base(model, provenance):
    (model / folder.PROVENANCE).write_text(json.dumps(provenance))
    facts = load_generator(model).source_facts
    assert facts.license is None and facts.base is None


def test_a_discriminator_in_the_folder_is_read(model):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        discriminator = StyleGAN2Discriminator(16, [8, 8, 4]).eval()
    discriminator.save_pretrained(model / folder.DISCRIMINATOR)
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_discriminator(model)(images), discriminator(images))
    assert load_generator(model).source_facts.holds == ("generator", "discriminator")


def test_a_damaged_discriminator_does_not_hinder_the_generator(model):
    StyleGAN2Discriminator(16, [8, 8, 4]).save_pretrained(model / folder.DISCRIMINATOR)
    (model / folder.DISCRIMINATOR / folder.WEIGHTS).write_bytes(b"damaged")
    assert load_generator(model).source_facts.has_discriminator is False
    with pytest.raises(CheckpointError, match=r"no discriminator .* damaged or cut short"):
        load_discriminator(model)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resolution": 2**30}, "resolution must be a power of two from 8 to 4096, got 1073741824"),
        ({"resolution": 32}, "one entry for each of"),
        ({"mapping_depth": 10**9}, "mapping_depth must be a whole number from 1 to 64"),
        ({"mapping_depth": 64}, "missing tensors"),
        ({"channels": [10**9] * 3}, "channels must be a whole number from 1 to 16384"),
        ({"channels": [8192] * 3}, r"should have the shape"),
        ({"channels": [8] * 100_000}, "got 100000 entries"),
        ({"num_classes": -1}, "num_classes must be"),
        ({"num_classes": 100_000}, "embed"),
        ({"w_size": 0}, "w_size must be"),
        ({"mapping_width": 0}, "mapping_width must be"),
        ({"mapping_lr_multiplier": 0}, "mapping_lr_multiplier must be a finite number above 0"),
        ({"mapping_lr_multiplier": float("nan")}, "mapping_lr_multiplier must be a finite number above 0"),
        ({"conv_clamp": -1}, "conv_clamp must be a finite number above 0"),
        ({"surprise": 1}, "surprise"),
        ({"_class_name": "os.system"}, r"names the class 'os.system', expected one of \[.*'StyleGAN2'.*\]"),
        ({"_class_name": None}, "names the class None"),
        ({"_class_name": ["StyleGAN2"]}, "names the class a list"),
    ],
)
def test_a_configuration_that_no_generator_has_is_refused(model, changes, words):
    configure(model, **changes)
    with pytest.raises(CheckpointError, match=words):
        load_generator(model)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"resolution": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[]", "must hold a JSON object, it holds a list"),
        (b"null", "it holds a NoneType"),
        (b" " * (4 * 2**20 + 1), "larger than 4 MB"),
    ],
    ids=["empty", "open", "no-utf-8", "deep", "long-number", "list", "null", "large"],
)
def test_damaged_json_is_refused(model, text, words):
    (model / folder.CONFIG).write_bytes(text)
    with pytest.raises(CheckpointError, match=words):
        load_generator(model)


def safetensors(header: bytes, size: int | None = None, data: bytes = b"") -> bytes:
    return (len(header) if size is None else size).to_bytes(8, "little") + header + data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        safetensors(b"{}", size=2**62),
        safetensors(b"{"),
        safetensors(b'{"a": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4398046511104]}}'),
        safetensors(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}', data=b"1234"),
        safetensors(b'{"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}', data=b"1234"),
    ],
    ids=["empty", "garbage", "header-size", "header", "tensor-size", "offsets", "dtype"],
)
def test_damaged_safetensors_are_refused(model, data):
    (model / folder.WEIGHTS).write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        load_generator(model)


def test_safetensors_cut_anywhere_are_refused(model):
    data = (model / folder.WEIGHTS).read_bytes()
    for cut in range(0, len(data), len(data) // 20):
        (model / folder.WEIGHTS).write_bytes(data[:cut])
        with pytest.raises(CheckpointError, match="damaged or cut short"):
            load_generator(model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("synthesis.b4.const"), "missing tensors .*synthesis.b4.const"),
        (lambda s: s.update(surprise=torch.ones(1)), "unknown tensors .*surprise"),
        (lambda s: s.update({"synthesis.b4.const": torch.ones(8, 4, 5)}), r"shape \(8, 4, 4\), but has \(8, 4, 5\)"),
        (lambda s: s.update({"synthesis.b4.const": torch.full((8, 4, 4), torch.nan)}), "not finite"),
        (
            lambda s: s.update({"mapping.w_avg": torch.full((8,), torch.inf)}),
            "'mapping.w_avg' holds values that are not finite",
        ),
        (lambda s: s.update({"synthesis.b4.const": torch.ones(8, 4, 4, dtype=torch.int32)}), "floating-point values"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(model, change, words):
    state = load_file(model / folder.WEIGHTS)
    change(state)
    save_file(state, model / folder.WEIGHTS)
    with pytest.raises(CheckpointError, match=words):
        load_generator(model)


def test_half_precision_weights_become_float32(model):
    state = {name: tensor.bfloat16() for name, tensor in load_file(model / folder.WEIGHTS).items()}
    save_file(state, model / folder.WEIGHTS)
    assert {parameter.dtype for parameter in load_generator(model).parameters()} == {torch.float32}


def test_a_folder_without_weights_says_so(model):
    (model / folder.WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        load_generator(model)


def test_the_weights_alone_ask_for_their_folder(model):
    with pytest.raises(CheckpointError, match=r"safetensors file without its config.json"):
        load_generator(model / folder.WEIGHTS)
