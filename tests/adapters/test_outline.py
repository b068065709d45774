"""What can be told of a checkpoint on the Hub before its weights are fetched."""

import json

import pytest
import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HTTPError

from foreign_files import persistent, pickled
from orojar_adapters import FAMILIES, CheckpointError
from orojar_adapters.loading import build_discriminator, build_generator, read_located
from orojar_adapters.outline import hub_scan, outline
from orojar_finetune import Directions, discover, write_model_folder
from orojar_finetune.cli import main
from tiny import tiny_discriminator, tiny_stylegan2

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """A model folder with directions and discriminator on the Hub."""
    folder = tmp_path_factory.mktemp("outline") / "m"
    generator = tiny_stylegan2()
    sets = {"chance": discover(generator, method="random", count=2)}
    write_model_folder(folder, generator, sets, {"base": {"license": "mit"}}, tiny_discriminator())
    HfApi().create_repo("tester/outlined", exist_ok=True)
    HfApi().upload_folder(repo_id="tester/outlined", folder_path=folder)
    return "tester/outlined"


def inspect(capsys, *words):
    main(["inspect", *words, "--json"])
    return json.loads(capsys.readouterr().out)


def test_shapes_are_right_and_no_values_are_fetched(repo, hub, tmp_path):
    hub.served.clear()
    located = outline(repo, tmp_path)
    assert located is not None
    sent = {name: size for name, size in hub.served if name.endswith(".safetensors")}
    assert sent.keys() == {WEIGHTS, f"discriminator/{WEIGHTS}"}
    for name, size in sent.items():
        assert size <= 100_001, name  # one request for the header, which is cut there
    checkpoint = read_located(located, repo, FAMILIES)
    generator, wanted = build_generator(checkpoint, FAMILIES), tiny_stylegan2()
    assert {n: p.shape for n, p in generator.state_dict().items()} == {n: p.shape for n, p in wanted.state_dict().items()}
    assert not any(torch.count_nonzero(p) for p in generator.parameters())
    assert build_discriminator(checkpoint).config.channels == [8, 8, 4]
    assert located.revision == HfApi().model_info(repo).sha


def test_inspect_says_the_same_from_the_hub_as_from_the_disk(repo, hub, tmp_path, capsys):
    hub.served.clear()
    remote = inspect(capsys, repo)
    assert remote["weights_fetched"] is False
    assert max(size for name, size in hub.served if name.endswith(".safetensors")) <= 100_001
    write_model_folder(tmp_path / "m", tiny_stylegan2(), {"chance": discover(tiny_stylegan2(), method="random", count=2)},
                       {"base": {"license": "mit"}}, tiny_discriminator())  # fmt: skip
    here = inspect(capsys, str(tmp_path / "m"))
    assert here["weights_fetched"] is True
    differing = {key for key in here if here[key] != remote[key]}
    assert differing <= {"source", "revision", "weights_fetched", "hub_scan"}
    assert remote["direction_sets"] == Directions.list(repo) == ["chance"]
    main(["inspect", repo])
    assert "the weights stayed on the Hub" in capsys.readouterr().out


def test_the_verdict_of_the_hubs_scan_is_shown(hub, capsys, monkeypatch):
    HfApi().create_repo("tester/scanned", exist_ok=True)
    for name in ("good.pkl", "bad.pkl"):
        data = pickled({"G_ema": persistent(tiny_stylegan2())})
        HfApi().upload_file(path_or_fileobj=data, path_in_repo=name, repo_id="tester/scanned")
    monkeypatch.setattr(hub, "scans", {"good.pkl": "safe", "bad.pkl": "unsafe"})
    assert inspect(capsys, "tester/scanned/bad.pkl")["hub_scan"]["status"] == "unsafe"
    assert hub_scan("tester/scanned/good.pkl", "good.pkl") == {"file": "good.pkl", "status": "safe", "pickle_imports": None}
    main(["inspect", "tester/scanned/bad.pkl"])
    assert "unsafe (bad.pkl)" in capsys.readouterr().out
    monkeypatch.setattr(hub, "scans", {})
    assert inspect(capsys, "tester/scanned/bad.pkl")["hub_scan"] is None


@pytest.mark.parametrize("source", ["tester/outlined/config.json", "tester/nobody", "here.pkl", "https://example.org/a/b"])
def test_what_is_no_model_folder_of_the_hub_has_no_outline(repo, tmp_path, source):
    assert outline(source, tmp_path) is None


def test_without_the_hub_the_ordinary_way_says_what_is_wrong(repo, tmp_path, monkeypatch, capsys):
    def away(*_, **__):
        raise HTTPError("away")

    monkeypatch.setattr(HfApi, "model_info", away)
    assert outline(repo, tmp_path) is None
    with pytest.raises(SystemExit):
        main(["inspect", "tester/never-seen"])
    assert "could not be reached" in capsys.readouterr().err
    assert hub_scan("tester/never-seen", "x.pkl") is None


def test_a_header_that_says_more_than_the_file_has_is_left_to_the_ordinary_way(tmp_path, capsys):
    folder = tmp_path / "m"
    write_model_folder(folder, tiny_stylegan2())
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])
    HfApi().create_repo("tester/cut", exist_ok=True)
    HfApi().upload_folder(repo_id="tester/cut", folder_path=folder)
    assert outline("tester/cut", tmp_path / "o") is None
    with pytest.raises(SystemExit):
        main(["inspect", "tester/cut"])
    assert "damaged or cut short" in capsys.readouterr().err


def test_shapes_that_do_not_fit_the_config_are_refused_from_the_outline_too(tmp_path):
    folder = tmp_path / "m"
    write_model_folder(folder, tiny_stylegan2())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "w_size": 9}))
    HfApi().create_repo("tester/unfit", exist_ok=True)
    HfApi().upload_folder(repo_id="tester/unfit", folder_path=folder)
    (tmp_path / "o").mkdir()
    located = outline("tester/unfit", tmp_path / "o")
    assert located is not None
    with pytest.raises(CheckpointError, match="should have the shape"):
        build_generator(read_located(located, "tester/unfit", FAMILIES), FAMILIES)
