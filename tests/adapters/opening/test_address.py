"""What people type, taken apart."""

import pytest

from local_hub import LocalHub
from orojar_adapters import CheckpointError
from orojar_adapters.opening.address import Address, name_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user/repo", ("user/repo", None, None)),
        ("user/repo/", ("user/repo", None, None)),
        ("user/repo/file.pkl", ("user/repo", "file.pkl", None)),
        ("user/repo/sub/file.pkl", ("user/repo", "sub/file.pkl", None)),
        ("user/repo@v1.0", ("user/repo", None, "v1.0")),
        ("user/repo@v1.0/sub/file.pkl", ("user/repo", "sub/file.pkl", "v1.0")),
        ("user/repo@refs/pr/1/file.pkl", ("user/repo", "file.pkl", "refs/pr/1")),
        ("hf://user/repo@main/sub/file.pkl", ("user/repo", "sub/file.pkl", "main")),
        ("hf://models/user/repo", ("user/repo", None, None)),
        ("huggingface.co/user/repo", ("user/repo", None, None)),
        ("hf.co/user/repo/tree/main/sub", ("user/repo", "sub", "main")),
        ("https://huggingface.co/user/repo", ("user/repo", None, None)),
        ("https://huggingface.co/user/repo/tree/main", ("user/repo", None, "main")),
        ("https://huggingface.co/user/repo/tree/main/models/x/", ("user/repo", "models/x", "main")),
        ("https://hf.co/user/repo/blob/v1.0/sub/file.pkl", ("user/repo", "sub/file.pkl", "v1.0")),
        ("https://huggingface.co/user/repo/resolve/main/file.pkl?download=true", ("user/repo", "file.pkl", "main")),
        ("https://huggingface.co/user/repo/resolve/refs%2Fpr%2F1/a%20b.pkl", ("user/repo", "a b.pkl", "refs/pr/1")),
    ],
)
def test_a_source_is_taken_apart(text, expected):
    assert Address.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["https://elsewhere.org/user/repo", "https://huggingface.co/", "user", "", "../user/repo", "/user/repo", "user name/repo"],
)
def test_what_is_not_a_place_on_the_hub_is_none(text):
    assert Address.parse(text) is None


def test_the_address_of_the_hub_in_use_is_known(hub: LocalHub):
    assert Address.parse(f"{hub.url}/user/repo/blob/main/file.pkl") == ("user/repo", "file.pkl", "main")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("spaces/user/app", "Space"),
        ("https://huggingface.co/datasets/user/faces", "dataset"),
        ("hf://spaces/user/app", "Space"),
    ],
)
def test_a_space_and_a_data_set_are_told_from_a_model(text, word):
    with pytest.raises(CheckpointError, match=f"{word}.*user/repo of a model"):
        Address.parse(text)


def test_a_source_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces.v2").mkdir()
    (tmp_path / "network.pkl").touch()
    names = ["user/repo", "user/repo/sub/net.pkl", "user/repo/tree/main/sub", "user/repo@v1", "faces.v2", "network.pkl", "."]
    assert [name_of(name) for name in names] == ["repo", "net", "sub", "repo", "faces.v2", "network", tmp_path.name]
