import json

import pytest

import finetuning
import results
from orojar_finetune import discover
from tiny import tiny_stylegan2

DESIGN = "layers"
FIGURES = {"orthogonality": 0.07, "activity": 0.4, "disentanglement": 0.3, "completeness": 0.4}
FOUND = discover(tiny_stylegan2(), method="random", count=3, held_out=4, progress=False)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The designs whose run was asked for; the distance of the start is 1, of its control 2."""
    asked = []

    def tuned(name, seed, steps, model, runs):
        asked.append(name)
        folder = runs / finetuning.words(name, seed, steps) / "model"
        folder.mkdir(parents=True, exist_ok=True)
        FOUND.save(folder)
        return folder

    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(finetuning, "tuned", tuned)
    monkeypatch.setattr(finetuning, "opened", lambda folder: folder.parent.name)
    monkeypatch.setattr(finetuning, "discover", lambda *_, **__: FOUND)
    places = {"bundled": 1.0, "control-seed-0-steps-1000": 2.0}
    monkeypatch.setattr(finetuning, "measured", lambda generator, *_: of(places.get(generator, 3.0)))
    monkeypatch.setattr(finetuning, "course", lambda *_: [])
    return asked


def of(frechet):
    return {**FIGURES, "frechet": frechet}


def known(folder, **differs):
    run = {"design": "control", "seed": 0, "steps": 1000, "start": of(1.0), "control": of(0.5), "end": of(0.4), **differs}
    (folder / "finetuning.json").write_text(json.dumps({"runs": [run]}))


def judged(folder):
    return finetuning.judged(DESIGN, 0, 1000, folder / "bundled" / "generator", folder / "runs")


def test_a_control_that_the_results_have_is_not_made_again(tmp_path, made):
    known(tmp_path)
    found = judged(tmp_path)
    assert made == [DESIGN]
    assert (found["control"]["frechet"], found["start"]["frechet"]) == (0.5, 1.0)


@pytest.mark.parametrize("differs", [{"seed": 1}, {"steps": 3000}, {"start": of(1.1)}, {"design": "control, rate 0.002"}])
def test_a_control_of_other_runs_or_directions_is_none(tmp_path, made, differs):
    known(tmp_path, **differs)
    assert judged(tmp_path)["control"]["frechet"] == 2.0
    assert made == [DESIGN, "control"]


def test_a_control_among_the_runs_comes_before_that_of_the_results(tmp_path, made):
    known(tmp_path)
    (tmp_path / "runs" / "control-seed-0-steps-1000").mkdir(parents=True)
    assert judged(tmp_path)["control"]["frechet"] == 2.0


def test_a_control_is_measured_along_the_starts_directions_and_along_its_own(tmp_path, made, monkeypatch):
    own = discover(tiny_stylegan2(), method="random", count=3, held_out=4, seed=1, progress=False)
    monkeypatch.setattr(finetuning.Directions, "load", lambda _: own)
    along = {own.digest: 3.0, FOUND.digest: 2.0}
    monkeypatch.setattr(finetuning, "measured", lambda _, directions, __: of(along[directions.digest]))
    found = finetuning.judged("control", 0, 1000, tmp_path / "bundled" / "generator", tmp_path / "runs")
    assert (found["control"]["frechet"], found["end"]["frechet"]) == (2.0, 3.0)
