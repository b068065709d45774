"""From a source to one file or folder of a disk or of a commit: choosing, sub-folders, licenses."""

from io import BytesIO

import pytest
import torch
from huggingface_hub import HfApi

from foreign_files import persistent, pickled, rosinality_generator
from orojar_adapters import CheckpointError, load_generator, open_source
from orojar_adapters.opening.source import choose, find, license_of
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
    with pytest.raises(CheckpointError, match=f"several checkpoints; choose one: user/repo/{names[0]}, user/repo/{names[1]}"):
        choose(names, "user/repo")


def test_nothing_to_choose_names_the_kinds_of_files():
    with pytest.raises(CheckpointError, match=r"user/repo holds no checkpoint.*\.pkl, \.pt"):
        choose([], "user/repo")


@pytest.mark.parametrize(
    "source", ["missing.pkl", "/nowhere/at/all.pkl", "~nobody-of-this-name/x", "x" * 5000, "https://a.org/b/c"]
)
def test_a_source_that_is_nothing_says_what_may_be_typed(source):
    with pytest.raises(CheckpointError, match=r"user/repo/file\.pkl"):
        load_generator(source)


def test_a_device_is_no_source():
    with pytest.raises(CheckpointError, match="neither a file nor a folder"):
        load_generator("/dev/null")


def test_the_checkpoint_of_a_local_folder_is_found_with_its_license(tmp_path):
    (tmp_path / "network-snapshot-1.pkl").write_bytes(nvlabs(1))
    (tmp_path / "network-snapshot-2.pkl").write_bytes(nvlabs(2))
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    generator = load_generator(tmp_path)
    assert made_by(generator) == 2
    assert generator.source_facts.license == "mit"
    assert generator.source_facts.revision is None


def test_the_folder_of_a_training_says_where_its_generator_is(tmp_path):
    tiny_stylegan2().save_pretrained(tmp_path / "run" / "model")
    with pytest.raises(CheckpointError, match=f"{tmp_path / 'run' / 'model'}$"):
        find(tmp_path / "run")


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
    with pytest.raises(CheckpointError, match=f"one: {repo}/a.pkl, {repo}/sub/b.pkl"):
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
        ("---\nlicense:\n- mit\n- 'apache-2.0'\ntags:\n- gan\n---\n", "mit, apache-2.0"),
        ("---\nlicense: [cc-by-nc-4.0]\n---\n", "cc-by-nc-4.0"),
        ("---\nlicense: {a: 1}\n---\n", None),
        ("---\nlicense: [\n---\n", None),
        ("---\n- license\n---\n", None),
        ("---\n" + "[" * 5000 + "\n---\n", None),
        ("", None),
    ],
)
def test_the_license_is_read_off_the_front_matter_of_the_card(card, license, tmp_path):
    (tmp_path / "README.md").write_bytes(card.encode())
    assert license_of(tmp_path / "README.md") == license


def test_the_license_on_the_hub_is_carried_along(hub):
    card = b"---\nlicense: other\nlicense_name: nvidia-source-code\n---\n"
    repo = repository("licensed", {"model.pt": rosinality(), "README.md": card})
    assert load_generator(repo).source_facts.license == "nvidia-source-code"
    assert load_generator(f"{repo}/model.pt").source_facts.license == "nvidia-source-code"


def rosinality() -> bytes:
    torch.save({"g_ema": rosinality_generator(tiny_stylegan2()), "latent_avg": torch.zeros(8)}, data := BytesIO())
    return data.getvalue()


def test_a_path_that_exists_wins_over_a_repository_of_that_spelling(hub, tmp_path, monkeypatch):
    repo = repository("both", {"network.pkl": nvlabs(1)})
    tiny_stylegan2(seed=2).save_pretrained(tmp_path / repo)
    monkeypatch.chdir(tmp_path)
    assert made_by(load_generator(repo)) == 2


def test_a_folder_of_a_repository_is_a_source(hub, tmp_path):
    tiny_stylegan2(seed=1).save_pretrained(tmp_path / "m")
    (tmp_path / "m" / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    HfApi().create_repo("tester/subfolders")
    HfApi().upload_folder(folder_path=tmp_path / "m", path_in_repo="models/scenes", repo_id="tester/subfolders")
    HfApi().upload_file(path_or_fileobj=nvlabs(2), path_in_repo="ada/net.pkl", repo_id="tester/subfolders")
    folder = "tester/subfolders/models/scenes"
    for source in (folder, f"{folder}/", f"{hub.url}/tester/subfolders/tree/main/models/scenes"):
        assert made_by(load_generator(source)) == 1
    facts = open_source("tester/subfolders", subfolder="models/scenes").generator().source_facts
    assert facts.license == "cc-by-4.0"
    assert made_by(load_generator("tester/subfolders/ada")) == 2
    assert made_by(open_source(tmp_path, subfolder="m").generator()) == 1


def test_a_mistyped_file_gets_the_nearest_of_the_listing(hub):
    repo = repository("mistyped", {"models/network-final.pkl": nvlabs(), "notes.txt": b"x"})
    for wrong in ("models/network-finel.pkl", "network-final.pkl"):
        with pytest.raises(CheckpointError, match=f"did you mean {repo}/models/network-final.pkl"):
            load_generator(f"{repo}/{wrong}")
    with pytest.raises(CheckpointError, match=r"no file or folder 'zzz'; it has .*notes\.txt"):
        load_generator(f"{repo}/zzz")


def test_two_revisions_contradict_each_other(hub):
    repo = repository("revised", {"network.pkl": nvlabs()})
    with pytest.raises(CheckpointError, match="two revisions"):
        load_generator(f"{repo}@main", revision="v2")
    assert made_by(load_generator(f"{repo}@main", revision="main")) == 0


def test_what_the_hub_does_not_have_is_said(hub):
    with pytest.raises(CheckpointError, match="neither"):
        load_generator("tester/never-made")
