import json

import pytest
from PIL import Image

import finetuning_report
import results
from finetuning_designs import DEFAULT, DESIGNS, configured, control_of, family_of
from orojar_finetune import FinetuneConfig, load_generator
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.training.trainable import resolved

FIGURES = {"orthogonality": 0.1, "disentanglement": 0.3, "completeness": 0.4, "activity": 0.5, "frechet": 0.03}


def record(design, seed=0, steps=1000, **end):
    return {"design": design, "seed": seed, "steps": steps, "start": FIGURES, "control": FIGURES, "end": {**FIGURES, **end}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for module in (results, finetuning_report):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    return tmp_path


def measure(folder, *records):
    for i, each in enumerate(records):
        path = folder / "runs" / f"{each['design']}-{each['seed']}-{i}" / "measured.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(each))


def test_figures_are_means_over_seeds_beside_their_ratio_to_the_control(folder, capsys):
    measure(folder, record(DEFAULT, 0, orthogonality=0.02), record(DEFAULT, 1, orthogonality=0.04), record("control"))
    finetuning_report.report(folder / "runs")
    control, default = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("control", DEFAULT))]
    words = f"{DEFAULT} 1000 2 0.0300 0.3000 0.4000 0.5000 0.0300 0.30 1.00 1.00 1.00 1.00"
    assert " ".join(default.split()) == words
    assert control.split()[-5:] == ["1.00"] * 5
    with Image.open(folder / "results" / "finetuning.png") as picture:
        assert picture.width > 800


def test_what_was_reported_before_stays_and_newer_figures_replace_older_ones(folder):
    measure(folder, record("control"), record(DEFAULT, frechet=0.5))
    finetuning_report.report(folder / "runs")
    again = folder / "again"
    measure(again, record(DEFAULT, frechet=0.6), record(DEFAULT, steps=3000))
    finetuning_report.report(again / "runs")
    found = json.loads((folder / "results" / "finetuning.json").read_text())
    told = [(run["design"], run["steps"], run["end"]["frechet"]) for run in found["runs"]]
    assert told == [("control", 1000, 0.03), (DEFAULT, 1000, 0.6), (DEFAULT, 3000, 0.03)]
    assert found["designs"] == {name: str(DESIGNS[name]) for name in ("control", DEFAULT)}


def test_without_runs_nothing_is_written(folder, capsys):
    finetuning_report.report(folder)
    assert "No run has been measured yet" in capsys.readouterr().out
    assert not (folder / "results").exists()


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_is_a_config_and_has_a_control_of_its_own_game_or_weights(name):
    config, control = (configured(each, 0, 1000) for each in (name, control_of(name)))
    assert control.penalty.weight == 0
    games = {str(configured(each, 0, 1000).gan) for each in DESIGNS if each.startswith("control")}
    assert control.gan == config.gan or (str(config.gan) not in games and control.trainable == config.trainable)
    assert (config.penalty.weight == 0) == name.startswith("control")


@pytest.mark.parametrize(
    ("design", "control"),
    {
        DEFAULT: "control, only affine, rate 0.003",
        "only affine, rate 0.01, falling": "control, only affine, rate 0.003",
        "control, only affine, rate 0.003": "control, only affine, rate 0.003",
        "layers": "control",
        "rate 0.002": "control, rate 0.002",
        "only mapping": "control",
    }.items(),
)
def test_a_control_moves_the_same_weights_where_there_is_one_that_does(design, control):
    assert control_of(design) == control


def test_designs_that_differ_by_weight_alone_are_a_family():
    assert family_of("image, weight 5") == family_of("image, weight 15") == "image"
    assert family_of("layers") == "layers"


def test_the_design_that_bears_the_defaults_is_what_the_package_does_unasked():
    config = configured(DEFAULT, 0, 1000)
    unasked = resolved(FinetuneConfig(), load_generator(BUNDLED))
    assert (config.penalty, config.trainable) == (unasked.penalty, unasked.trainable)
    assert config.gan.rates() == unasked.gan.rates()
