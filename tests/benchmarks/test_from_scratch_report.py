import json

import pytest

import from_scratch
import results
from from_scratch import DESIGNS, KEYS, NETWORKS, STEPS, TRIALS, WEIGHTS
from orojar_finetune.training.from_scratch import networks


def record(design, seed, value):
    return {
        "design": design,
        "seed": seed,
        "weight": WEIGHTS[design],
        "steps": 8000,
        "preset": "reduced",
        **dict.fromkeys(KEYS, value),
    }


def test_figures_are_means_over_seeds_and_all_of_them_are_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    given = [record("orojar", 0, 0.25), record("orojar", 1, 0.75), record("none", 0, 0.125)]
    for i, each in enumerate(given):
        path = tmp_path / "runs" / str(i) / "measured.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(each))
    from_scratch.report(tmp_path / "runs")
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("reduced")]
    assert lines == [
        ["reduced", "none", "0", "8000", "1", *["0.1250"] * len(KEYS)],
        ["reduced", "orojar", "1e-08", "8000", "2", *["0.5000"] * len(KEYS)],
    ]
    assert json.loads((tmp_path / "from_scratch.json").read_text())["runs"] == given


def test_runs_of_several_machines_come_together_and_newer_ones_replace_older_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    kept, old, new = record("none", 0, 0.125), record("orojar", 1, 0.25), record("orojar", 1, 0.5)
    (tmp_path / "from_scratch.json").write_text(json.dumps({"runs": [kept, old]}))
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "measured.json").write_text(json.dumps(new))
    from_scratch.report(tmp_path / "runs")
    assert json.loads((tmp_path / "from_scratch.json").read_text())["runs"] == [kept, new]


def test_every_design_has_weights_and_the_control_has_none():
    assert set(WEIGHTS) == set(TRIALS) == set(DESIGNS)
    assert all(WEIGHTS[name] in TRIALS[name] and (WEIGHTS[name] == 0) == (name == "none") for name in DESIGNS)


@pytest.mark.parametrize("preset", NETWORKS)
def test_presets_are_networks_of_the_papers_latent_size(preset):
    generator, discriminator = networks(NETWORKS[preset], seed=0)
    assert generator.latent_size == 12
    assert generator.spaces == ("z",)
    assert discriminator.config["resolution"] == generator.resolution
    assert preset in STEPS
