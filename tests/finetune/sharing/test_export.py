"""Exports on disk: complete or not there, with their source and license, from Python and from the command line."""

import json
from typing import get_args, get_type_hints

import pytest
import torch
from safetensors.torch import load_file

from foreign_files import rosinality_training_state
from originals import assert_same_tensors
from orojar_adapters import SourceFacts, load_discriminator, load_generator
from orojar_adapters.writers import FORMATS, nvlabs, rosinality
from orojar_finetune import write_export, write_model_folder
from orojar_finetune.cli import main
from orojar_finetune.verbs import Convert
from tiny import tiny_biggan, tiny_discriminator, tiny_stylegan2

FACTS = SourceFacts("user/repo", "network.pkl", "nvlabs-pytorch", revision="abc", license="nvidia-nc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    generator, path = tiny_stylegan2(), tmp_path_factory.mktemp("export") / "m"
    generator.source_facts = FACTS
    write_model_folder(path, generator, discriminator=tiny_discriminator(), previews="none")
    return path


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fails(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return stopped.value.code


def test_the_command_line_offers_every_format():
    assert get_args(get_type_hints(Convert)["to"]) == ("folder", *FORMATS)


def test_nvlabs_is_a_state_dict_a_network_in_either_ending(tmp_path):
    generator, discriminator = tiny_stylegan2(), tiny_discriminator()
    for target, read in (("a", load_file), ("b.pt", lambda path: torch.load(path, weights_only=True))):
        written = write_export(tmp_path / target, generator, "nvlabs", discriminator)
        first, second, note = written.paths
        assert_same_tensors(read(first), nvlabs.generator_state(generator))
        assert_same_tensors(read(second), nvlabs.discriminator_state(discriminator))
        assert json.loads(note.read_text())["networks"]["generator"]["arguments"]["z_dim"] == 8
    ends = {"a.safetensors", "a-discriminator.safetensors", "a.json", "b.pt", "b-discriminator.pt", "b.json"}
    assert names(tmp_path) == ends


def test_rosinality_is_one_file_of_plain_tensors(tmp_path):
    path, note = write_export(tmp_path / "below" / "a", tiny_stylegan2(), "rosinality", tiny_discriminator()).paths
    assert (path.name, note.name) == ("a.pt", "a.json")
    value = torch.load(path, weights_only=True)
    assert list(value) == ["g_ema", "latent_avg", "d"]
    assert_same_tensors(value["g_ema"], rosinality.generator_state(tiny_stylegan2()))
    assert {type(tensor) for tensor in (*value["g_ema"].values(), *value["d"].values())} == {torch.Tensor}
    assert path.stat().st_mode & 0o777 == note.stat().st_mode & 0o777


def test_the_same_networks_make_the_same_bytes(tmp_path):
    for format in FORMATS:
        first, second = (
            write_export(tmp_path / format / name, tiny_stylegan2(), format, tiny_discriminator()).paths for name in "ab"
        )
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_source_and_license_go_along(folder, tmp_path):
    write_export(tmp_path / "direct.pt", load_generator(folder), "rosinality")
    note = json.loads((tmp_path / "direct.json").read_text())
    assert (note["format"], note["license"]) == ("rosinality", "nvidia-nc")
    assert (note["source"]["source"], note["source"]["origin"]) == ("m", "orojar-finetune")
    assert (note["base"]["source"], note["base"]["revision"]) == ("user/repo", "abc")
    assert str(tmp_path) not in json.dumps(note)


def test_no_license_is_invented(tmp_path):
    write_export(tmp_path / "a.pt", tiny_stylegan2(), "rosinality")
    note = json.loads((tmp_path / "a.json").read_text())
    assert note["license"] is None
    assert note["source"]["origin"] == "made in memory"


@pytest.mark.parametrize(
    ("name", "format", "words"),
    [
        ("a.pkl", "nvlabs", r"--to nvlabs writes \.safetensors or \.pt, not \.pkl: type a\.safetensors$"),
        ("a.safetensors", "rosinality", r"--to rosinality writes \.pt, not \.safetensors: type a\.pt$"),
        ("old.pt", "rosinality", r"old\.pt exists: choose another name"),
        ("old", "rosinality", r"old\.pt exists"),
        ("noted.pt", "nvlabs", r"noted\.json exists"),
        ("two.pt", "nvlabs", r"two-discriminator\.pt exists"),
    ],
)
def test_nothing_is_replaced_and_nothing_is_left_behind(name, format, words, tmp_path):
    for old in ("old.pt", "noted.json", "two-discriminator.pt"):
        (tmp_path / old).write_text("mine")
    before = names(tmp_path)
    with pytest.raises(ValueError, match=words):
        write_export(tmp_path / name, tiny_stylegan2(), format, tiny_discriminator())
    assert names(tmp_path) == before
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}


@pytest.mark.parametrize(
    ("generator", "format", "words"),
    [
        (lambda: tiny_stylegan2(num_classes=3), "rosinality", "type --to nvlabs"),
        (lambda: tiny_biggan(), "nvlabs", "type --to folder"),
    ],
)
def test_a_refused_generator_leaves_nothing_behind(generator, format, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_export(tmp_path / "below" / "a", generator(), format)
    assert names(tmp_path) == set()


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(OSError, match="no space"):
        write_export(tmp_path / "a.pt", tiny_stylegan2(), "nvlabs", tiny_discriminator())
    assert names(tmp_path) == set()


def test_convert_goes_to_rosinality_and_back_without_a_change(folder, tmp_path, capsys):
    main(["convert", str(folder), str(tmp_path / "there.pt"), "--to", "rosinality"])
    printed = capsys.readouterr().out
    assert "generator and its discriminator in rosinality" in printed
    assert "channel_multiplier cannot express the channels of the generator" in printed
    assert "License of the weights: nvidia-nc" in printed
    main(["convert", str(tmp_path / "there.pt"), str(tmp_path / "back"), "--previews", "none"])
    for load in (load_generator, load_discriminator):
        assert_same_tensors(load(tmp_path / "back").state_dict(), load(folder).state_dict())


def test_convert_goes_from_rosinality_to_nvlabs(tmp_path, capsys):
    torch.save(rosinality_training_state(tiny_stylegan2(), tiny_discriminator()), tmp_path / "from.pt")
    main(["convert", str(tmp_path / "from.pt"), str(tmp_path / "to"), "--to", "nvlabs"])
    printed = capsys.readouterr().out
    assert all(str(tmp_path / name) in printed for name in ("to.safetensors", "to-discriminator.safetensors", "to.json"))
    assert "not stated" in printed
    assert_same_tensors(load_file(tmp_path / "to.safetensors"), nvlabs.generator_state(tiny_stylegan2()))


def test_convert_says_what_it_leaves_out(folder, tmp_path, capsys):
    generator, discriminator = tiny_stylegan2(), tiny_discriminator()
    discriminator.register_to_config(group=8)
    write_model_folder(tmp_path / "grouped", generator, discriminator=discriminator, previews="none")
    main(["convert", str(tmp_path / "grouped"), str(tmp_path / "a.pt"), "--to", "rosinality"])
    printed = capsys.readouterr().out
    assert "Left out the discriminator: minibatch deviation has groups of 4" in printed
    assert "Wrote the stylegan2 generator in" in printed
    assert "without its discriminator" in "".join(json.loads((tmp_path / "a.json").read_text())["notes"])


def test_convert_refuses_in_one_sentence(folder, tmp_path, capsys):
    write_model_folder(tmp_path / "c", tiny_stylegan2(num_classes=3), previews="none")
    before = names(tmp_path)
    for words, message in [
        ([tmp_path / "c", tmp_path / "a.pt", "--to", "rosinality"], "no labels there"),
        ([folder, tmp_path / "a.pkl", "--to", "nvlabs"], "type a.safetensors"),
        ([folder, tmp_path / "a.pt"], "add --to nvlabs or --to rosinality"),
    ]:
        assert fails("convert", *words) == 2
        printed = capsys.readouterr().err
        assert message in printed
        assert printed.startswith("orojar: ") and printed.count("\n") == 1
    assert names(tmp_path) == before
