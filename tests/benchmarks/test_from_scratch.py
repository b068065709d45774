import json

import pytest
from PIL import Image

import from_scratch
import results
from from_scratch import DESIGNS, KEYS, NETWORKS, STEPS, TRIALS, WEIGHTS, words
from orojar_finetune.training.from_scratch import networks
from pictures import BELOW, GAP, HEADER


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


def test_the_picture_shows_the_most_active_coordinates_of_both_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(from_scratch, "RESULTS", tmp_path)
    for name, shift in (("none", 0), ("orojar pairs", 3)):
        folder = tmp_path / "runs" / words("reduced", name, WEIGHTS[name], 0, 10)
        folder.mkdir(parents=True)
        active = [(i + shift) % 12 for i in range(12)]
        activity = {f"z {i}": {"value": float(active[i])} for i in range(12)}
        (folder / "measured.json").write_text(json.dumps({"found": {"of_directions": {"activity": activity}}}))
        for i in range(12):
            one = Image.new("RGB", (20, 12), (0, 0, 255))
            one.paste((20 * active[i], shift, 0), (0, 0, 20, 4))  # the first of three rows
            one.save(folder / f"coordinate-{i}.png")
    from_scratch.picture(tmp_path / "runs", 0, 10)
    with Image.open(tmp_path / "from_scratch.png") as drawn:
        for column, shift in ((10, 0), (10 + 20 + GAP, 3)):
            seen = [drawn.getpixel((column, HEADER + 2 + row * (4 + BELOW))) for row in range(6)]
            assert seen == [(20 * (11 - row), shift, 0) for row in range(6)]
