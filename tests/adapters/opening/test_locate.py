"""Sources taken apart: every spelling, foreign files on the Hub, and the cache when the Hub is away."""

from io import BytesIO
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled

from foreign_files import persistent, pickled, rosinality_generator
from local_hub import LocalHub
from orojar_adapters import CheckpointError, load_generator
from orojar_adapters.opening.sources import Remote, _parse_hub, choose, fetch, find, license_of, locate
from tiny import tiny_stylegan2


def nvlabs(seed: int = 0) -> bytes:
    return pickled({"G_ema": persistent(tiny_stylegan2(seed=seed))})


def repository(name: str, files: dict[str, bytes]) -> str:
    api = HfApi()
    api.create_repo(f"tester/{name}")
    for path, data in files.items():
        api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=f"tester/{name}")
    return f"tester/{name}"


def made_by(generator) -> int:
    """The seed of the tiny generator that this one is."""
    (seed,) = (s for s in range(4) if torch.equal(generator.synthesis.b4.const, tiny_stylegan2(seed=s).synthesis.b4.const))
    return seed


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["a.pkl"], "a.pkl"),
        (
            ["network-snapshot-000200.pkl", "network-snapshot-010000.pkl", "network-snapshot-9999.pkl"],
            "network-snapshot-010000.pkl",
        ),
        (["runs/1/network-snapshot-25.pkl", "runs/0/network-snapshot-3.pkl"], "runs/1/network-snapshot-25.pkl"),
        (["model.pt", "model_ema.pt"], "model_ema.pt"),
        (["g.EMA.pth", "g.pth", "d.pth"], "g.EMA.pth"),
    ],
)
def test_one_checkpoint_of_several_is_chosen_where_it_is_clear(names, chosen):
    assert choose(names, "user/repo") == chosen


@pytest.mark.parametrize("names", [["a.pkl", "b.pkl"], ["cinema.pt", "remake.pt"], ["a_ema.pt", "b_ema.pt"]])
def test_otherwise_they_are_listed_to_be_typed(names):
    with pytest.raises(CheckpointError, match=f"several checkpoints, name one: user/repo/{names[0]}, user/repo/{names[1]}"):
        choose(names, "user/repo")


def test_nothing_to_choose_names_the_kinds_of_files():
    with pytest.raises(CheckpointError, match=r"user/repo holds no checkpoint \(\.pkl, \.pt"):
        choose([], "user/repo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user/repo", ("user/repo", None, None)),
        ("user/repo/", ("user/repo", None, None)),
        ("user/repo/file.pkl", ("user/repo", "file.pkl", None)),
        ("user/repo/sub/file.pkl", ("user/repo", "sub/file.pkl", None)),
        ("hf://user/repo/sub/file.pkl", ("user/repo", "sub/file.pkl", None)),
        ("https://huggingface.co/user/repo", ("user/repo", None, None)),
        ("https://huggingface.co/user/repo/tree/main", ("user/repo", None, "main")),
        ("https://hf.co/user/repo/blob/v1.0/sub/file.pkl", ("user/repo", "sub/file.pkl", "v1.0")),
        ("https://huggingface.co/user/repo/resolve/main/file.pkl?download=true", ("user/repo", "file.pkl", "main")),
        ("https://huggingface.co/user/repo/resolve/refs%2Fpr%2F1/a%20b.pkl", ("user/repo", "a b.pkl", "refs/pr/1")),
        ("https://elsewhere.org/user/repo", (None, None, None)),
        ("https://huggingface.co/", (None, None, None)),
        ("user", (None, None, None)),
        ("", (None, None, None)),
        ("../user/repo", (None, None, None)),
        ("/user/repo", (None, None, None)),
        ("user name/repo", (None, None, None)),
    ],
)
def test_a_source_is_taken_apart(text, expected):
    assert _parse_hub(text) == expected


def test_the_address_of_the_hub_in_use_is_known(hub: LocalHub):
    assert _parse_hub(f"{hub.url}/user/repo/blob/main/file.pkl") == ("user/repo", "file.pkl", "main")


@pytest.mark.parametrize(
    "source", ["missing.pkl", "/nowhere/at/all.pkl", "~nobody-of-this-name/x", "x" * 5000, "https://a.org/b/c"]
)
def test_a_source_that_is_nothing_says_what_may_be_typed(source):
    with pytest.raises(CheckpointError, match=r"type a path, user/repo or user/repo/file\.pkl"):
        load_generator(source)


def test_a_device_is_no_source():
    with pytest.raises(CheckpointError, match="neither a file nor a folder"):
        load_generator("/dev/null")


def test_the_checkpoint_of_a_local_folder_is_found_with_its_licence(tmp_path):
    (tmp_path / "network-snapshot-1.pkl").write_bytes(nvlabs(1))
    (tmp_path / "network-snapshot-2.pkl").write_bytes(nvlabs(2))
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    generator = load_generator(tmp_path)
    assert made_by(generator) == 2
    assert generator.source_facts.license == "mit"
    assert generator.source_facts.revision is None


def test_the_folder_of_a_training_says_where_its_generator_is(tmp_path):
    tiny_stylegan2().save_pretrained(tmp_path / "run" / "model")
    with pytest.raises(CheckpointError, match=f"folder of a training: its generator is in {tmp_path / 'run' / 'model'}"):
        locate(tmp_path / "run")


def test_a_repository_with_one_checkpoint_needs_no_file_name(hub):
    repo = repository("foreign", {"network.pkl": nvlabs(), "README.md": b"# hi"})
    generator = load_generator(repo)
    facts = generator.source_facts
    assert made_by(generator) == 0
    assert (facts.source, facts.file, facts.license) == (repo, "network.pkl", None)
    assert facts.revision == HfApi().model_info(repo).sha


def test_a_file_of_a_repository_can_be_named_in_any_way(hub):
    repo = repository("named", {"a.pkl": nvlabs(0), "sub/b.pkl": nvlabs(1)})
    for source in (f"{repo}/sub/b.pkl", f"hf://{repo}/sub/b.pkl", f"{hub.url}/{repo}/blob/main/sub/b.pkl"):
        assert made_by(load_generator(source)) == 1
    with pytest.raises(CheckpointError, match=f"name one: {repo}/a.pkl, {repo}/sub/b.pkl"):
        load_generator(repo)


def test_a_revision_is_a_branch_or_a_commit(hub):
    repo = repository("branched", {"network.pkl": nvlabs(0)})
    first = HfApi().model_info(repo).sha
    HfApi().create_branch(repo, branch="other")
    HfApi().upload_file(path_or_fileobj=nvlabs(1), path_in_repo="network.pkl", repo_id=repo, revision="other")
    assert made_by(load_generator(repo)) == 0
    assert made_by(load_generator(repo, revision="other")) == 1
    assert made_by(load_generator(f"{hub.url}/{repo}/resolve/other/network.pkl")) == 1
    assert made_by(load_generator(repo, revision=first)) == 0
    with pytest.raises(CheckpointError, match=f"{repo} has no revision 'nowhere'"):
        load_generator(repo, revision="nowhere")


def test_a_repository_without_checkpoints_says_so(hub):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        load_generator(repository("readme-only", {"README.md": b"# hi"}))


@pytest.mark.parametrize(
    ("card", "license"),
    [
        ("---\nlicense: apache-2.0\n---\n# A model\n", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: nvidia-source-code\n---\n", "nvidia-source-code"),
        ("---\r\nlicense: 'mit'\r\n---\r\n", "mit"),
        ("---\ntags:\n- license: x\n---\n", None),
        ("license: mit\n", None),
        ("---\nlicense:\n---\n", None),
        ("", None),
    ],
)
def test_the_licence_is_read_off_the_front_matter_of_the_card(card, license, tmp_path):
    (tmp_path / "README.md").write_bytes(card.encode())
    assert license_of(tmp_path / "README.md") == license


def test_the_licence_on_the_hub_is_carried_along(hub):
    card = b"---\nlicense: other\nlicense_name: nvidia-source-code\n---\n"
    repo = repository("licensed", {"model.pt": rosinality(), "README.md": card})
    assert load_generator(repo).source_facts.license == "nvidia-source-code"
    assert load_generator(f"{repo}/model.pt").source_facts.license == "nvidia-source-code"


def rosinality() -> bytes:
    torch.save({"g_ema": rosinality_generator(tiny_stylegan2()), "latent_avg": torch.zeros(8)}, data := BytesIO())
    return data.getvalue()


@pytest.mark.parametrize("problem", [HTTPError("connection refused"), OfflineModeIsEnabled("offline"), TimeoutError("slow")])
def test_without_the_hub_an_earlier_download_is_used(hub, monkeypatch, caplog, problem):
    repo = repository(f"cached-{type(problem).__name__}", {"network.pkl": nvlabs(1), "README.md": b"---\nlicense: mit\n---\n"})
    online = locate(repo)

    def unreachable(*args, **options):
        raise problem

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    for source in (repo, f"{repo}/network.pkl"):
        offline = locate(source)
        assert (offline.path.resolve(), offline.revision, offline.license) == (online.path.resolve(), online.revision, "mit")
    assert "took what was downloaded before" in caplog.text
    with pytest.raises(CheckpointError, match=r"could not be reached .* other\.pkl was not downloaded before"):
        locate(f"{repo}/other.pkl")
    with pytest.raises(CheckpointError, match=r"Hub could not be reached for 'tester/never' .*no file or folder of that name"):
        locate("tester/never")


def test_what_is_found_is_chosen_and_nothing_is_fetched(hub, monkeypatch):
    repo = repository("found", {"g.pt": rosinality(), "sub/g_ema.pt": rosinality(), "README.md": b"---\nlicense: mit\n---\n"})
    hub.served.clear()
    found = find(repo)
    assert isinstance(found, Remote)
    assert (found.repo, found.file, found.wanted) == (repo, "sub/g_ema.pt", ())
    assert hub.served == []
    fetched = fetch(found)
    assert (fetched.path.name, fetched.revision, fetched.license) == ("g_ema.pt", found.info.sha, "mit")
    assert fetched == locate(repo)

    def unreachable(*args, **options):
        raise HTTPError("connection refused")

    monkeypatch.setattr("orojar_adapters.opening.sources.hf_hub_download", unreachable)
    assert fetch(found).path.resolve() == fetched.path.resolve()


def test_what_lies_here_is_found_at_once(tmp_path):
    (tmp_path / "g.pt").write_bytes(rosinality())
    assert find(tmp_path) == locate(tmp_path)


def test_a_file_found_under_its_repository_is_named_inside_it(hub):
    repo = repository("inside", {"sub/network.pkl": nvlabs()})
    assert isinstance(locate(f"{repo}/sub/network.pkl").path, Path)
    assert load_generator(f"{repo}/sub/network.pkl").source_facts.file == "network.pkl"
