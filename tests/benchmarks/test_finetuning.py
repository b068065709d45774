import pytest

import finetuning
from orojar_finetune import discover
from tiny import tiny_stylegan2

FIGURES = {"off_diagonal_cos2": 0.07, "activity": 0.4, "disentanglement": 0.3, "completeness": 0.4}
FOUND = discover(tiny_stylegan2(), method="random", count=3, progress=False)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The designs that were trained; a generator is known by its folder, and measured as `distances` says."""
    names = []

    def tuned(name, seed, steps, model, runs):
        names.append(name)
        folder = runs / finetuning.folder_name(name, seed, steps) / "model"
        folder.mkdir(parents=True, exist_ok=True)
        FOUND.save(folder)
        return folder

    distances = {"bundled": 1.0, "control-seed-0-steps-1000": 2.0, "default-seed-0-steps-1000": 3.0}
    monkeypatch.setattr(finetuning, "tuned", tuned)
    monkeypatch.setattr(finetuning, "opened", lambda folder: folder.parent.name)
    monkeypatch.setattr(finetuning, "discover", lambda *_, **__: FOUND)
    monkeypatch.setattr(finetuning, "measured", lambda generator, _: of(distances[generator]))
    return names


def of(frechet):
    return {**FIGURES, "frechet": frechet}


def judged(name, folder):
    return finetuning.judged(name, 0, 1000, folder / "bundled" / "generator", folder / "runs")


def test_a_design_is_measured_beside_its_control_and_the_start(tmp_path, trained):
    found = judged("default", tmp_path)
    assert trained == ["default", "control"]
    assert [found[part]["frechet"] for part in ("start", "control", "end")] == [1.0, 2.0, 3.0]


def test_a_control_is_measured_along_the_starts_directions_and_along_its_own(tmp_path, trained, monkeypatch):
    own = discover(tiny_stylegan2(), method="random", count=3, seed=1, progress=False)
    monkeypatch.setattr(finetuning.Directions, "load", lambda _: own)
    along = {own.digest: 3.0, FOUND.digest: 2.0}
    monkeypatch.setattr(finetuning, "measured", lambda _, directions: of(along[directions.digest]))
    found = judged("control", tmp_path)
    assert (found["control"]["frechet"], found["end"]["frechet"]) == (2.0, 3.0)
