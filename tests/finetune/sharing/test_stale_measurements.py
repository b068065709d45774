"""A model folder drops measurements of weights or direction sets that it no longer has."""

import dataclasses
import json
from functools import partial

import pytest
import torch

from linear import direction_set
from orojar_adapters import SourceFacts
from orojar_finetune import Directions
from orojar_finetune.cli import main
from orojar_finetune.sharing.model_folder import add_evaluation, check_weights, write_model_folder
from tiny import tiny_stylegan2

write = partial(write_model_folder, previews="none")
EVALUATION = {"on": {"model": "m"}, "columns": [{"name": "random", "figures": {"off_diagonal_cos2": {"value": 0.98765}}}]}


def axes(*rows: int) -> Directions:
    """Some axes of w as a measured direction set."""
    scores = {"off_diagonal_cos2": 0.25, "activity": 1.5}
    return dataclasses.replace(direction_set(torch.eye(8)[list(rows)], space="w"), activity=(1.5,) * len(rows), scores=scores)


def measured(folder):
    return json.loads((folder / "metrics.json").read_text(), parse_constant=pytest.fail)


def test_other_weights_keep_the_sets_and_drop_their_figures(tmp_path, caplog):
    folder, before, after = tmp_path / "m", tiny_stylegan2(seed=0), tiny_stylegan2(seed=1)
    write(folder, before, {"random": axes(0, 1)})
    add_evaluation(folder, EVALUATION)
    assert "0.988" in (folder / "README.md").read_text()
    write(folder, after, {"sefa": axes(2, 3)})
    assert "the measurements of random are dropped" in caplog.text
    assert Directions.list(folder) == ["sefa", "random"]
    old = Directions.load(folder, "random")
    assert torch.equal(old.basis, axes(0, 1).basis) and not old.scores
    assert measured(folder)["direction_sets"]["random"] == {"activity_of": {}}
    assert measured(folder)["direction_sets"]["sefa"]["off_diagonal_cos2"] == 0.25
    card = (folder / "README.md").read_text()
    assert "| random | - | - | - | - |" in card and "0.988" not in card
    assert "evaluation" not in measured(folder)


def test_the_same_weights_keep_all_and_another_set_of_a_name_drops_the_evaluation(tmp_path, caplog):
    folder, generator = tmp_path / "m", tiny_stylegan2()
    write(folder, generator, {"random": axes(0, 1)})
    add_evaluation(folder, EVALUATION)
    write(folder, generator, {"sefa": axes(2, 3)})
    write(folder, generator, {"random": axes(0, 1)})
    assert measured(folder)["evaluation"] == EVALUATION and not caplog.text
    assert measured(folder)["direction_sets"]["sefa"]["activity"] > 0
    assert "0.988" in (folder / "README.md").read_text()
    write(folder, generator, {"random": axes(4, 5)})
    assert "evaluation" not in measured(folder) and "0.988" not in (folder / "README.md").read_text()


def test_a_checkpoint_of_the_same_name_from_another_folder_is_not_written_over_the_first(tmp_path):
    def of(path, seed):
        generator = tiny_stylegan2(seed=seed)
        generator.source_facts = SourceFacts(path, "network-snapshot.pkl", "nvlabs-pytorch")
        return generator

    write(tmp_path / "m", of("cats/network-snapshot.pkl", 0))
    check_weights(tmp_path / "m", of("cats/network-snapshot.pkl", 0))
    check_weights(tmp_path / "new", of("cats/network-snapshot.pkl", 0))
    with pytest.raises(ValueError, match="m holds other weights"):
        check_weights(tmp_path / "m", of("dogs/network-snapshot.pkl", 1))


def test_discover_refuses_it_and_completes_its_own_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, seed in (("cats", 0), ("dogs", 1)):
        write(tmp_path / name / "snapshot", tiny_stylegan2(seed=seed))
    quick = ["--output-dir", "out", "--count", "2", "--previews", "none"]
    main(["discover", "cats/snapshot", *quick, "--method", "random"])
    main(["discover", "cats/snapshot", *quick, "--method", "sefa"])
    before = (tmp_path / "out" / "directions.json").read_bytes()
    with pytest.raises(SystemExit):
        main(["discover", "dogs/snapshot", *quick, "--method", "random"])
    assert "out holds other weights" in capsys.readouterr().err
    assert (tmp_path / "out" / "directions.json").read_bytes() == before


def test_previews_are_of_the_set_written_last_and_pictures_of_the_user_stay(tmp_path):
    folder, generator = tmp_path / "m", tiny_stylegan2()
    write_model_folder(folder, generator, {"random": axes(0, 1, 2)})
    first = (folder / "previews" / "direction_00.png").read_bytes()
    (folder / "previews" / "mine.png").write_bytes(b"mine")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    write_model_folder(folder, generator, {"sefa": axes(2, 3)})
    assert (folder / "previews" / "direction_00.png").read_bytes() != first
    assert not (folder / "previews" / "direction_02.png").exists()
    assert (folder / "previews" / "mine.png").read_bytes() == b"mine"
    assert "## Directions (`sefa`, in w)" in (folder / "README.md").read_text()


def test_a_shell_that_stands_in_the_folder_still_stands_in_it(tmp_path, monkeypatch):
    folder, generator = tmp_path / "m", tiny_stylegan2()
    write(folder, generator, {"random": axes(0, 1)})
    place = folder.stat().st_ino
    monkeypatch.chdir(folder)
    write(".", generator, {"sefa": axes(2, 3)})
    assert folder.stat().st_ino == place
    assert Directions.list(".") == ["sefa", "random"]
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
