import dataclasses
import json

import pytest

import finetuning_report
import results
from finetuning_designs import DESIGNS, configured, control_of
from orojar_finetune import FinetuneConfig, load_generator
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.training.trainable import resolved

FIGURES = {"off_diagonal_cos2": 0.1, "disentanglement": 0.3, "completeness": 0.4, "activity": 0.5, "frechet": 0.03}


def record(design, seed=0, steps=1000, **end):
    return {"design": design, "seed": seed, "steps": steps, "start": FIGURES, "control": FIGURES, "end": {**FIGURES, **end}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return tmp_path


def measure(folder, *records):
    for i, each in enumerate(records):
        path = folder / "runs" / f"{each['design']}-{each['seed']}-{i}" / "measured.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(each))


def printed(capsys):
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_figures_are_means_over_seeds_with_their_ratios_to_the_control(folder, capsys):
    defaults = [record("default", 0, off_diagonal_cos2=0.02), record("default", 1, off_diagonal_cos2=0.04)]
    controls = [record("control", seed, off_diagonal_cos2=0.05) for seed in (0, 1)]
    measure(folder, *defaults, *controls)
    finetuning_report.report(folder / "runs")
    assert printed(capsys)[:7] == [
        "steps seeds cos² activity disent. compl. Fréchet",
        "start 0 2 0.1000 0.5000 0.3000 0.4000 0.0300",
        "control 1000 2 0.1000 0.5000 0.3000 0.4000 0.0300",
        "along its own directions 1000 2 0.0500 0.5000 0.3000 0.4000 0.0300",
        "default 1000 2 0.0300 0.5000 0.3000 0.4000 0.0300",
        "over the control's 0.30 1.00 1.00 1.00 1.00",
        "over those along its own directions 0.60 1.00 1.00 1.00 1.00",
    ]


def test_a_control_that_was_measured_along_the_starts_directions_alone_has_no_row_of_its_own(folder, capsys):
    measure(folder, record("default", off_diagonal_cos2=0.02), record("control"))
    finetuning_report.report(folder / "runs")
    assert not [line for line in printed(capsys) if "own directions" in line]


def test_what_was_reported_before_stays_and_newer_figures_replace_older_ones(folder):
    measure(folder, record("control"), record("default", frechet=0.5))
    finetuning_report.report(folder / "runs")
    again = folder / "again"
    measure(again, record("default", frechet=0.6), record("default", steps=3000))
    finetuning_report.report(again / "runs")
    found = json.loads((folder / "results" / "finetuning.json").read_text())
    told = [(run["design"], run["steps"], run["end"]["frechet"]) for run in found["runs"]]
    assert told == [("control", 1000, 0.03), ("default", 1000, 0.6), ("default", 3000, 0.03)]
    assert found["designs"] == {name: dataclasses.asdict(DESIGNS[name]) for name in ("control", "default")}


def test_without_runs_nothing_is_written(folder, capsys):
    finetuning_report.report(folder)
    assert "No run has been measured yet" in capsys.readouterr().out
    assert not (folder / "results").exists()


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_differs_from_its_control_by_the_penalty_alone(name):
    config, control = (configured(each, 0, 1000) for each in (name, control_of(name)))
    assert control.penalty.weight == 0
    assert (config.penalty.weight == 0) == (name == control_of(name))
    assert dataclasses.replace(config, penalty=control.penalty) == control


def test_the_default_design_is_what_the_package_does_unasked():
    config = configured("default", 0, 1000)
    unasked = resolved(FinetuneConfig(), load_generator(BUNDLED))
    assert (config.penalty.with_options(), config.trainable) == (unasked.penalty, unasked.trainable)
    assert config.gan.rates() == unasked.gan.rates()
