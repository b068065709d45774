"""What can be told of a checkpoint on the Hub before its weights are fetched."""

import json
import zipfile

import pytest
import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HTTPError
from torch import nn

from foreign_files import persistent, pickled, rosinality_discriminator, rosinality_generator
from foreign_zips import FOREIGN_ZIPS, rosinality
from orojar_adapters import FAMILIES, CheckpointError, outline_zip
from orojar_adapters.generic import Generic
from orojar_adapters.loading import build_discriminator, build_generator, read_located
from orojar_adapters.outline import hub_scan, outline
from orojar_adapters.readers import folder, torch_file
from orojar_adapters.sources import Remote, find
from orojar_adapters.stylegan2 import StyleGAN2
from orojar_finetune import Directions, discover, write_model_folder
from orojar_finetune.cli import main
from orojar_finetune.commands.inspect import describe
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


def outlined(source, target):
    """The outline of a source on the Hub."""
    found = find(source)
    assert isinstance(found, Remote)
    return outline(found, target)


def test_shapes_are_right_and_no_values_are_fetched(repo, hub, tmp_path):
    hub.served.clear()
    located = outlined(repo, tmp_path)
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


def test_a_file_without_weights_has_no_outline(repo, tmp_path):
    assert outlined(f"{repo}/config.json", tmp_path) is None


def test_without_the_hub_the_ordinary_way_says_what_is_wrong(repo, tmp_path, monkeypatch, capsys):
    def away(*_, **__):
        raise HTTPError("away")

    found = find(repo)
    assert isinstance(found, Remote)
    monkeypatch.setattr(HfApi, "model_info", away)
    assert outline(found, tmp_path) is None
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
    assert outlined("tester/cut", tmp_path / "o") is None
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
    located = outlined("tester/unfit", tmp_path / "o")
    assert located is not None
    with pytest.raises(CheckpointError, match="should have the shape"):
        build_generator(read_located(located, "tester/unfit", FAMILIES), FAMILIES)


PADDING = torch.zeros(2**20)
"""What the rest of a larger generator would take, 4 MB."""


def upload(name, path):
    HfApi().create_repo(f"tester/{name}", exist_ok=True)
    HfApi().upload_file(path_or_fileobj=path, path_in_repo=path.name, repo_id=f"tester/{name}")
    return f"tester/{name}"


def sent(hub, name):
    return sum(size for served, size in hub.served if served == name)


@pytest.mark.parametrize("name", FOREIGN_ZIPS)
def test_a_torch_file_is_told_of_without_its_weights(name, hub, tmp_path, capsys):
    path = tmp_path / f"{name}.pt"
    torch.save(FOREIGN_ZIPS[name]() | {"padding": PADDING}, path)
    source = f"{upload('zips', path)}/{path.name}"
    hub.served.clear()
    remote = inspect(capsys, source)
    assert remote["weights_fetched"] is False
    assert 0 < sent(hub, path.name) < path.stat().st_size / 8
    here = inspect(capsys, str(path))
    assert {key for key in here if here[key] != remote[key]} <= {"source", "revision", "weights_fetched", "hub_scan"}
    assert remote["revision"] == HfApi().model_info("tester/zips").sha


def test_a_generator_of_a_usual_size_is_told_of_by_a_fraction_of_it(hub, tmp_path, capsys):
    path = tmp_path / "larger.pt"
    generator = StyleGAN2(resolution=32, channels=[256, 256, 256, 128], latent_size=64, w_size=64, mapping_width=64)
    torch.save({"g_ema": rosinality_generator(generator), "d": rosinality_discriminator(tiny_discriminator())}, path)
    source = upload("larger", path)
    hub.served.clear()
    remote, here = inspect(capsys, source), inspect(capsys, str(path))
    assert remote["weights_fetched"] is False
    assert {key for key in here if here[key] != remote[key]} <= {"source", "revision", "weights_fetched", "hub_scan"}
    assert sent(hub, path.name) < path.stat().st_size / 16
    assert max(size for served, size in hub.served if served == path.name) < 2**18


def test_the_choice_among_several_is_made_and_said_once(hub, tmp_path, capsys, caplog):
    torch.save(rosinality() | {"padding": PADDING}, tmp_path / "g_ema.pt")
    torch.save({}, tmp_path / "g.pt")
    for name in ("g.pt", "g_ema.pt"):
        source = upload("several", tmp_path / name)
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    upload("several", tmp_path / "README.md")
    told = inspect(capsys, source)
    assert (told["file"], told["weights_fetched"], told["license"]) == ("g_ema.pt", False, "cc-by-nc-4.0")
    assert caplog.text.count("took g_ema.pt") == 1


def wholly(hub, source, name):
    """Whether inspecting a source that is refused fetched the whole file, and what was said."""
    hub.served.clear()
    with pytest.raises(CheckpointError) as caught:
        describe(source, None)
    return max(size for served, size in hub.served if served == name) > 2**20, str(caught.value)


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        describe(str(path), None)
    return str(caught.value)


def test_a_program_and_a_pickle_that_is_refused_are_not_fetched_to_be_refused(hub, tmp_path):
    script, module = tmp_path / "script.pt", tmp_path / "module.pt"
    torch.save({"padding": PADDING}, script)
    with zipfile.ZipFile(script, "a") as archive:
        archive.writestr("script/code/__torch__.py", "def forward(self): pass\n")
    torch.save(nn.Linear(2**10, 2**10), module)
    for path, words in ((script, "TorchScript program"), (module, "asks for 'torch.nn")):
        source = f"{upload('refused', path)}/{path.name}"
        fetched, said = wholly(hub, source, path.name)
        assert not fetched
        assert words in said
        assert said == refusal(path).replace(str(path), source)


def test_where_an_outline_does_not_do_the_whole_is_fetched_silently(hub, tmp_path, capsys, caplog, monkeypatch):
    path = tmp_path / "values.pt"
    torch.save(rosinality() | {"padding": PADDING}, path)
    source = upload("values", path)
    monkeypatch.setattr(outline_zip, "LARGEST_VALUE", 16)  # not even filters
    remote, here = inspect(capsys, source), inspect(capsys, str(path))
    assert remote["weights_fetched"] is True
    assert {key for key in here if here[key] != remote[key]} <= {"source", "revision", "hub_scan"}
    assert caplog.text == ""


def test_files_of_other_formats_and_small_ones_are_fetched_as_ever(hub, tmp_path, capsys):
    value = rosinality()
    torch.save(value, tmp_path / "small.pt")
    torch.save(value | {"padding": PADDING}, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "nvlabs.pkl").write_bytes(pickled({"G_ema": persistent(tiny_stylegan2()), "padding": bytes(2**22)}))
    for name in ("small.pt", "legacy.pt", "nvlabs.pkl"):
        source = f"{upload('ordinary', tmp_path / name)}/{name}"
        remote, here = inspect(capsys, source), inspect(capsys, str(tmp_path / name))
        assert remote["weights_fetched"] is True
        assert {key for key in here if here[key] != remote[key]} <= {"source", "revision", "hub_scan"}


def _longer(data):
    entry = data.rindex(b"PK\1\2")  # the last entry of the directory
    return data[: entry + 20] + (2**31 - 1).to_bytes(4, "little") * 2 + data[entry + 28 :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_longer, "declares more data than the file has"),
        (lambda data: data[: len(data) // 2], "damaged or cut short"),
        (lambda data: data.replace(b"PK\1\2", b"PK\1\3", 1), "damaged or cut short"),
    ],
    ids=["a declared size", "half a file", "a broken directory"],
)
def test_a_hostile_directory_gives_the_ordinary_refusal(change, words, hub, tmp_path):
    path = tmp_path / f"{words.split()[0]}.pt"
    torch.save({"padding": PADDING}, path)
    path.write_bytes(change(path.read_bytes()))
    source = f"{upload('hostile', path)}/{path.name}"
    assert outlined(source, tmp_path) is None
    with pytest.raises(CheckpointError, match=words):
        describe(source, None)


def test_a_directory_without_end_gives_the_ordinary_refusal(hub, tmp_path, monkeypatch):
    path = tmp_path / "directory.pt"
    torch.save({"padding": PADDING} | {str(i): torch.zeros(1) for i in range(200)}, path)
    source = upload("directory", path)
    monkeypatch.setattr(torch_file, "LARGEST_DIRECTORY", 2**13)
    hub.served.clear()
    assert outlined(source, tmp_path) is None
    assert sent(hub, path.name) < 2**17
    with pytest.raises(CheckpointError, match="the directory of this zip is larger"):
        describe(source, None)


def test_what_another_packages_reader_may_look_at_is_fetched(hub, tmp_path, capsys, monkeypatch):
    class Theirs(Generic):
        @classmethod
        def read_file(cls, path):
            assert path.stat().st_blocks * 512 > 2**22
            return None

    path = tmp_path / "theirs.pt"
    torch.save(rosinality() | {"padding": PADDING}, path)
    source = upload("theirs", path)
    assert inspect(capsys, source)["weights_fetched"] is False
    with monkeypatch.context() as installed:
        installed.setitem(FAMILIES, "theirs", Theirs)
        assert inspect(capsys, source)["weights_fetched"] is True
    hub.served.clear()
    assert inspect(capsys, source)["weights_fetched"] is True  # it lies here now
    assert sent(hub, path.name) == 0


def test_a_description_that_is_larger_than_any_is_not_fetched(hub, tmp_path, monkeypatch):
    write_model_folder(tmp_path / "m", tiny_stylegan2())
    (tmp_path / "m" / "metrics.json").write_text(json.dumps({"x": "y" * 5000}))
    HfApi().create_repo("tester/large", exist_ok=True)
    HfApi().upload_folder(repo_id="tester/large", folder_path=tmp_path / "m")
    monkeypatch.setattr(folder, "LARGEST_JSON", 4000)
    hub.served.clear()
    (tmp_path / "target").mkdir()
    with pytest.raises(CheckpointError, match=r"metrics\.json of tester/large is larger than"):
        outlined("tester/large", tmp_path / "target")
    assert hub.served == []
