import json

import pytest
import torch
from PIL import Image

from orojar_adapters import load_discriminator
from orojar_adapters.stylegan2 import StyleGAN2
from orojar_adapters.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_finetune import Directions, card, discover, load_generator, write_model_folder
from orojar_finetune.config import DiscoverConfig
from tiny import TINY, tiny_stylegan2

QUICK = DiscoverConfig(count=3, latents=4, held_out=4)


@pytest.fixture
def generator() -> StyleGAN2:
    return tiny_stylegan2()


@pytest.fixture
def directions(generator) -> Directions:
    return discover(generator, QUICK, progress=False)


def test_a_folder_holds_everything_and_reads_back_bit_for_bit(tmp_path, generator, directions):
    critic = StyleGAN2Discriminator(resolution=16, channels=[8, 8, 4])
    write_model_folder(tmp_path / "m", generator, {"orojar-jd": directions}, {"seed": 0}, critic)
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
    assert torch.equal(load_discriminator(tmp_path / "m")(images), critic(images))
    assert json.loads((tmp_path / "m" / "metrics.json").read_text())["direction_sets"]["orojar-jd"]["activity"] > 0
    with Image.open(tmp_path / "m" / "previews" / "samples.png") as samples:
        assert samples.size == (512, 256)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_diffusers_reads_the_folder_too(tmp_path, generator):
    write_model_folder(tmp_path / "m", generator)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(StyleGAN2.from_pretrained(tmp_path / "m")(z), generator(z))


def test_a_second_set_joins_the_first_and_files_of_the_user_stay(tmp_path, generator, directions):
    folder = tmp_path / "m"
    write_model_folder(folder, generator, {"orojar-jd": directions})
    (folder / "notes.txt").write_text("mine")
    write_model_folder(folder, load_generator(folder), {"random": discover(generator, QUICK, method="random", progress=False)})
    assert Directions.list(folder) == ["orojar-jd", "random"]
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_failed_write_leaves_the_old_folder_as_it_was(tmp_path, generator, directions, monkeypatch):
    folder = tmp_path / "m"
    write_model_folder(folder, generator, {"orojar-jd": directions})
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    monkeypatch.setattr(card, "write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_model_folder(folder, generator, {"orojar-jd": directions.rename({0: "hue"})})
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_something_else_at_that_place_is_never_overwritten(tmp_path, generator):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    for name in ("photos", "file"):
        with pytest.raises(ValueError, match="no model folder"):
            write_model_folder(tmp_path / name, generator)
    assert (tmp_path / "photos" / "cat.png").read_bytes() == b"x"


def test_a_card_of_somebody_else_is_left_alone(tmp_path, generator, directions):
    folder = tmp_path / "m"
    write_model_folder(folder, generator)
    assert "direction 0" not in (folder / card.CARD).read_text()
    write_model_folder(folder, generator, {"a": directions})
    assert "direction 0" in (folder / card.CARD).read_text()
    (folder / card.CARD).write_text("# Mine\n")
    write_model_folder(folder, generator, {"a": directions})
    assert (folder / card.CARD).read_text() == "# Mine\n"


def test_the_licence_of_the_source_travels_and_none_is_invented(generator, directions):
    sets = {"orojar-jd": directions}
    nvidia = card.text(generator, sets, {"source": "nvlabs/ffhq", "revision": "abc", "origin": "x", "license": "nvidia-nc"})
    assert "license: other\n" in nvidia
    assert "license_name: nvidia-nc\n" in nvidia
    assert "base_model: nvlabs/ffhq\n" in nvidia
    unknown = card.text(generator, sets, {"source": "a.pkl", "revision": None, "origin": "x", "license": None})
    assert "license" not in unknown.split("---")[1]
    assert "base_model" not in unknown
    assert "not stated" in unknown


def test_provenance_survives_a_second_folder(tmp_path, generator):
    write_model_folder(tmp_path / "a", generator)
    described = json.loads((tmp_path / "a" / "training_config.json").read_text())
    described["base"] = {"source": "user/repo", "origin": "nvlabs-pytorch", "license": "mit", "revision": "abc"}
    (tmp_path / "a" / "training_config.json").write_text(json.dumps(described))
    write_model_folder(tmp_path / "b", load_generator(tmp_path / "a"))
    assert json.loads((tmp_path / "b" / "training_config.json").read_text())["base"] == described["base"]
    facts = load_generator(tmp_path / "b").source_facts
    assert facts is not None and facts.license == "mit"


@pytest.mark.parametrize("family", TINY)
def test_what_the_card_says_to_type_works_for_every_family(tmp_path, family):
    generator = TINY[family]()
    found = discover(generator, method="random", count=1, held_out=2, progress=False)
    for sets in ({"random": found}, {}):
        text = card.text(generator, sets, {"source": "a", "revision": None, "origin": "x", "license": None})
        code = text.partition("```python\n")[2].partition("```")[0]
        write_model_folder(tmp_path / family, generator, sets)
        seen = {}
        exec(code.replace("user/repo", str(tmp_path / family)), seen)  # our own words
        assert seen["images"].shape[0] == 4
