"""From what a person types to a checkpoint: local paths and a real HTTP Hub."""

import logging
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, ModelInfo

from orojar_adapters import CheckpointError, load_generator
from orojar_adapters.opening.sources import choose, license_of, stated_license
from tiny import tiny_stylegan2


def test_the_only_checkpoint_is_taken():
    assert choose(["a.pkl"], "here") == "a.pkl"


def test_the_last_snapshot_is_taken_by_its_number_and_said(caplog):
    names = ["network-snapshot-000800.pkl", "network-snapshot-025000.pkl", "network-snapshot-001000.pkl"]
    with caplog.at_level(logging.WARNING):
        assert choose(names, "user/repo") == "network-snapshot-025000.pkl"
    assert "took network-snapshot-025000.pkl" in caplog.text


def test_the_only_averaged_checkpoint_is_taken():
    assert choose(["g.pt", "g_ema.pt"], "here") == "g_ema.pt"


def test_checkpoints_without_a_way_to_choose_are_listed():
    with pytest.raises(CheckpointError, match=r"name one: user/repo/a\.pkl, user/repo/b\.pkl"):
        choose(["a.pkl", "b.pkl"], "user/repo")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        choose([], "user/repo")


def test_what_is_neither_here_nor_a_repository_says_what_to_type():
    for text in ("./nothing.pkl", "nothing.pkl", "/a/b/c.pkl"):
        with pytest.raises(CheckpointError, match=r"type a path, user/repo or user/repo/file\.pkl"):
            load_generator(text)


def test_the_licence_is_read_from_the_card(tmp_path):
    card = tmp_path / "README.md"
    assert license_of(card) is None
    for text, found in [
        ("---\nlicense: mit\n---\n# x", "mit"),
        ("---\nlicense: other\nlicense_name: nvidia-nc\n---\n", "nvidia-nc"),
        ("---\nlicense:\n- mit\n- 'apache-2.0'\ntags:\n- gan\n---\n", "mit, apache-2.0"),
        ("---\nlicense: [cc-by-nc-4.0]\n---\n", "cc-by-nc-4.0"),
        ("---\nlicense:\ntags:\n- gan\n---\n", None),
        ("# license: mit", None),
    ]:
        card.write_text(text)
        assert license_of(card) == found


@pytest.mark.parametrize(
    ("stated", "found"), [("mit", "mit"), (["mit", "x"], "mit, x"), ([], None), ({"a": 1}, None), (None, None), (7, None)]
)
def test_a_licence_that_the_hub_states_is_words_or_none(stated, found):
    info = ModelInfo(id="user/repo", siblings=[], cardData={"license": stated})
    assert stated_license(info) == found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    tiny_stylegan2().save_pretrained(tmp_path / "m")
    (tmp_path / "m" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    return tmp_path / "m"


def images(source: str, revision: str | None = None) -> torch.Tensor:
    return load_generator(source, revision)(torch.ones(1, 8)).detach()


def test_a_repository_an_address_and_a_revision_give_the_generator_and_its_licence(hub, model):
    api = HfApi()
    api.create_repo("tester/sources")
    api.upload_folder(folder_path=model, repo_id="tester/sources")
    first = api.model_info("tester/sources").sha
    tiny_stylegan2(seed=1).save_pretrained(model)
    api.create_branch("tester/sources", branch="second")
    api.upload_folder(folder_path=model, repo_id="tester/sources", revision="second")
    old, new = tiny_stylegan2()(torch.ones(1, 8)).detach(), tiny_stylegan2(seed=1)(torch.ones(1, 8)).detach()
    for source in ("tester/sources", "hf://tester/sources", f"{hub.url}/tester/sources", f"{hub.url}/tester/sources/tree/main"):
        assert torch.equal(images(source), old)
    assert torch.equal(images("tester/sources", "second"), new)
    assert torch.equal(images("tester/sources", first), old)
    facts = load_generator("tester/sources").source_facts
    assert facts is not None
    assert (facts.license, facts.revision) == ("cc-by-nc-4.0", first)


def test_several_files_on_the_hub_are_listed_and_one_can_be_named(hub):
    api = HfApi()
    api.create_repo("tester/many")
    for name in ("a.pkl", "sub/b.pkl"):
        api.upload_file(path_or_fileobj=b"junk", path_in_repo=name, repo_id="tester/many")
    with pytest.raises(CheckpointError, match=r"tester/many/a\.pkl, tester/many/sub/b\.pkl"):
        load_generator("tester/many")
    with pytest.raises(CheckpointError, match=r"b\.pkl is of no known checkpoint format"):
        load_generator("tester/many/sub/b.pkl")
    with pytest.raises(CheckpointError, match=r"has no file 'c\.pkl'; it has .*a\.pkl"):
        load_generator("tester/many/c.pkl")


def test_what_the_hub_does_not_have_is_said(hub, model):
    with pytest.raises(CheckpointError, match="no model on the Hub"):
        load_generator("tester/never-made")
    HfApi().create_repo("tester/one-revision")
    with pytest.raises(CheckpointError, match="no revision 'v9'"):
        load_generator("tester/one-revision", "v9")


def test_a_path_that_exists_wins_over_a_repository_of_that_spelling(hub, model, monkeypatch):
    HfApi().create_repo("tester/both")
    monkeypatch.chdir(model.parent)
    model.rename(model.parent / "moved")
    (model.parent / "tester").mkdir()
    (model.parent / "moved").rename(model.parent / "tester" / "both")
    facts = load_generator("tester/both").source_facts
    assert facts is not None
    assert facts.revision is None
