"""A model folder is complete or not there at all, and what is in it is not lost."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

from foreign_biggan import hugging_face_biggan_deep, hugging_face_config, normalized, save_biggan_deep
from linear import direction_set
from orojar_adapters import SourceFacts, load_discriminator
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_finetune import Directions, load_generator, write_model_folder
from orojar_finetune.sharing import card
from orojar_finetune.sharing.model_folder import default_target, named_after
from tiny import tiny_biggan_deep, tiny_stylegan2

write = partial(write_model_folder, previews="none")


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    return tiny_stylegan2()


@pytest.fixture(scope="module")
def directions() -> Directions:
    return direction_set(torch.eye(8)[:3], space="w")


def test_a_folder_holds_everything_and_reads_back_bit_for_bit(tmp_path, generator, directions):
    discriminator = StyleGAN2Discriminator(resolution=16, channels=[8, 8, 4])
    write_model_folder(tmp_path / "m", generator, {"orojar-jd": directions}, {"seed": 0}, discriminator)
    found = sorted(str(p.relative_to(tmp_path / "m")) for p in (tmp_path / "m").rglob("*") if p.is_file())
    assert found == sorted([
        "README.md", "config.json", "diffusion_pytorch_model.safetensors", "directions.json", "directions.safetensors",
        "discriminator/config.json", "discriminator/diffusion_pytorch_model.safetensors", "metrics.json",
        "previews/direction_00.png", "previews/direction_01.png", "previews/direction_02.png", "previews/samples.png",
        "previews/traversal.gif", "training_config.json",
    ])  # fmt: skip
    back, z = load_generator(tmp_path / "m"), torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(back(z), generator(z))
    assert torch.equal(Directions.load(tmp_path / "m").basis, directions.basis)
    images = generator(z).detach()
    assert torch.equal(load_discriminator(tmp_path / "m")(images), discriminator(images))
    assert json.loads((tmp_path / "m" / "metrics.json").read_text())["direction_sets"] == {
        "orojar-jd": {"activity_of": dict.fromkeys(directions.names, 0.0)}
    }
    with Image.open(tmp_path / "m" / "previews" / "samples.png") as samples:
        assert samples.size == (512, 128)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_diffusers_reads_the_folder_too(tmp_path, generator):
    write(tmp_path / "m", generator)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(StyleGAN2.from_pretrained(tmp_path / "m")(z), generator(z))


def test_a_second_set_joins_the_first_and_files_of_the_user_stay(tmp_path, generator, directions):
    folder = tmp_path / "m"
    write(folder, generator, {"orojar-jd": directions})
    (folder / "notes.txt").write_text("mine")
    write(folder, load_generator(folder), {"random": directions})
    assert Directions.list(folder) == ["random", "orojar-jd"]
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_failed_write_leaves_the_old_folder_as_it_was(tmp_path, generator, directions, monkeypatch):
    folder = tmp_path / "m"
    write(folder, generator, {"orojar-jd": directions})
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    monkeypatch.setattr(card, "write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write(folder, generator, {"orojar-jd": directions.rename({0: "hue"})})
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_something_else_at_that_place_is_never_overwritten(tmp_path, generator):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    for name in ("photos", "file"):
        with pytest.raises(ValueError, match="not a model folder"):
            write(tmp_path / name, generator)
    assert (tmp_path / "photos" / "cat.png").read_bytes() == b"x"


def test_a_card_of_somebody_else_is_left_alone(tmp_path, generator, directions):
    folder = tmp_path / "m"
    write(folder, generator)
    assert "direction 0" not in (folder / card.CARD).read_text()
    write(folder, generator, {"a": directions})
    assert "direction 0" in (folder / card.CARD).read_text()
    (folder / card.CARD).write_text("# Mine\n")
    write(folder, generator, {"a": directions})
    assert (folder / card.CARD).read_text() == "# Mine\n"


def test_provenance_survives_a_second_folder(tmp_path, generator):
    write(tmp_path / "a", generator)
    described = json.loads((tmp_path / "a" / "training_config.json").read_text())
    described["base"] = {"source": "user/repo", "origin": "nvlabs-pytorch", "license": "mit", "revision": "abc"}
    (tmp_path / "a" / "training_config.json").write_text(json.dumps(described))
    write(tmp_path / "b", load_generator(tmp_path / "a"))
    assert json.loads((tmp_path / "b" / "training_config.json").read_text())["base"] == described["base"]
    facts = load_generator(tmp_path / "b").source_facts
    assert facts is not None and facts.license == "mit"


def test_a_folder_of_another_generator_is_not_written_into(tmp_path):
    def of(source):
        generator = tiny_stylegan2()
        generator.source_facts = SourceFacts(source, "x.pkl", "nvlabs-pytorch", revision="abc")
        return generator

    write(tmp_path / "m", of("alice/faces"))
    before = {path: path.read_bytes() for path in (tmp_path / "m").rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"alice/faces.* bob/faces"):
        write(tmp_path / "m", of("bob/faces"))
    assert {path: path.read_bytes() for path in (tmp_path / "m").rglob("*") if path.is_file()} == before
    write(tmp_path / "m", of("alice/faces"))


def test_how_a_folder_was_made_stays_when_directions_are_added(tmp_path, directions):
    write(str(tmp_path / "m"), tiny_stylegan2(), config={"finetune": {"trainable": "all"}})
    generator = load_generator(tmp_path / "m")
    write(tmp_path / "m", generator, {"random": directions}, {"discover": {"method": "random"}})
    made = json.loads((tmp_path / "m" / "training_config.json").read_text())["config"]
    assert made == {"finetune": {"trainable": "all"}, "discover": {"method": "random"}}


def test_a_folder_of_another_project_is_left_alone(tmp_path):
    theirs, folder = normalized(tiny_biggan_deep()), tmp_path / "biggan-deep-16"
    save_biggan_deep(folder, hugging_face_config(theirs), hugging_face_biggan_deep(theirs))
    assert default_target(str(folder), "orojar") == Path("biggan-deep-16-orojar")
    with pytest.raises(ValueError, match="not a model folder"):
        write(folder, tiny_stylegan2())


@pytest.mark.parametrize("source", [".", "../faces", "faces/", "https://huggingface.co/user/faces/tree/main"])
def test_whatever_a_source_is_typed_like_its_folder_has_its_name(source, tmp_path, monkeypatch):
    (tmp_path / "faces").mkdir()
    monkeypatch.chdir(tmp_path if source == "faces/" else tmp_path / "faces")
    assert named_after(source, "finetuned") == Path("faces-finetuned")


@pytest.mark.parametrize(
    ("source", "name"), [("user/faces-v1.0", "faces-v1.0-orojar"), ("user/repo/a.pkl", "a-orojar"), ("b.pt", "b-orojar")]
)
def test_folders_are_called_after_their_source(source, name):
    assert default_target(source, "orojar") == Path(name)


def test_the_current_folder_and_a_linked_one_are_written_into(tmp_path, directions, monkeypatch):
    write(tmp_path / "m", tiny_stylegan2())
    generator = load_generator(tmp_path / "m")
    monkeypatch.chdir(tmp_path / "m")
    write(".", generator, {"here": directions})
    (tmp_path / "link").symlink_to(tmp_path / "m")
    write(tmp_path / "link", generator, {"there": directions})
    assert (tmp_path / "link").is_symlink()
    assert Directions.list(tmp_path / "m") == ["there", "here"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_is_named_after_its_source():
    assert named_after("user/model-v1.5", "finetuned") == Path("model-v1.5-finetuned")
    assert named_after("somewhere/ffhq.pkl", "finetuned") == Path("ffhq-finetuned")


def test_a_license_that_its_user_wrote_into_the_card_travels(tmp_path):
    generator = tiny_stylegan2()
    generator.source_facts = SourceFacts("here/a.pkl", "a.pkl", "nvlabs-pytorch")
    write(tmp_path / "m", generator)
    path = tmp_path / "m" / card.CARD
    path.write_text(path.read_text().replace("---\n", "---\nlicense: cc-by-nc-4.0\n", 1))
    write(tmp_path / "other", load_generator(tmp_path / "m"))
    assert load_generator(tmp_path / "other").source_facts.license == "cc-by-nc-4.0"
    assert "License of the weights: cc-by-nc-4.0" in (tmp_path / "other" / card.CARD).read_text()
