"""The README's first command, whole but for the length of its fine-tune."""

import json
import os
import subprocess
import sys

import pytest

from orojar_finetune import Directions, load_discriminator, load_generator
from orojar_finetune.scenes import BUNDLED

FEWER = """
import sys
import orojar_finetune.measures.direction_set as measured
measured.HELD_OUT = 32  # for a test of minutes; everything else is as it is typed
from orojar_finetune.cli import main
main(sys.argv[1:])
"""


@pytest.mark.timeout(900)  # a minute or two where nothing else runs
def test_the_demo_leaves_a_model_folder_and_its_table_favors_independent_directions(tmp_path):
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:1"}
    command = [sys.executable, "-c", FEWER, "demo", "--output-dir", str(tmp_path / "demo"), "--steps", "4"]
    done = subprocess.run(command, capture_output=True, text=True, env=offline, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = ("random", "sefa", "orojar-jd, tuned", "orojar-jd")
    rows = {}
    for line in done.stdout.splitlines():
        name = next((name for name in names if line.startswith(f"{name} ")), None)
        if name is not None:
            rows[name] = [float(word) for word in line.removeprefix(name).split()]
    assert set(rows) == set(names)
    share, cos2, activity, disentanglement, completeness = ({n: row[i] for n, row in rows.items()} for i in range(5))
    assert share["orojar-jd"] < 0.6 * share["sefa"] < 0.4 * share["random"]
    assert cos2["orojar-jd"] < 0.8 * min(cos2["random"], cos2["sefa"])
    assert activity["orojar-jd"] > activity["random"]
    # random directions move little but shape, which the generator draws least steadily, and so look disentangled
    assert disentanglement["orojar-jd"] > max(1.2 * disentanglement["random"], 1.6 * disentanglement["sefa"])
    assert completeness["orojar-jd"] > 1.2 * max(completeness["random"], completeness["sefa"])
    folder = tmp_path / "demo" / "model"
    assert f"orojar edit {folder}" in done.stdout
    assert Directions.list(folder) == ["orojar-jd"]
    assert len(list((folder / "previews").glob("direction_*.png"))) == 7
    assert load_generator(folder).source_facts.license == "apache-2.0"
    measured = json.loads((folder / "metrics.json").read_text())["finetune"]
    assert measured["start"].keys() == measured["end"].keys() >= {"frechet", "off_diagonal_share", "disentanglement"}
    # one measurement: the card's table has the numbers that the terminal had, and so has the set itself
    shown = {"start": rows["orojar-jd"], "end": rows["orojar-jd, tuned"]}
    for when, row in shown.items():
        for name, value in zip(("off_diagonal_share", "off_diagonal_cos2", "activity"), row[:3], strict=True):
            assert round(measured[when][name], 3) == value
    scores = Directions.load(folder).scores
    assert {name: measured["end"][name] for name in scores} == scores
    assert "## Weights fine-tuned with OroJaR" in (folder / "README.md").read_text()


def test_what_is_bundled_is_small_and_whole():
    assert sum(p.stat().st_size for p in BUNDLED.rglob("*") if p.is_file()) < 3_000_000
    assert load_discriminator(BUNDLED).config["resolution"] == load_generator(BUNDLED).resolution
