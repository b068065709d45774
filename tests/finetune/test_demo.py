"""The README's first command, whole."""

import os
import subprocess
import sys

from orojar_finetune import Directions, load_generator
from orojar_finetune.scenes import BUNDLED


def test_the_demo_leaves_a_model_folder_and_its_table_favours_independent_directions(tmp_path):
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:1"}
    command = [sys.executable, "-m", "orojar_finetune", "demo", "--output-dir", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, env=offline, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if len(line.split()) == 4}
    orthogonality, activity = ({m: float(row[i]) for m, row in rows.items() if row[0][0] == "0"} for i in (0, 1))
    assert set(orthogonality) == {"random", "sefa", "orojar", "orojar-jd"}
    assert orthogonality["orojar-jd"] < 0.7 * min(orthogonality["random"], orthogonality["sefa"])
    assert activity["orojar-jd"] > activity["sefa"] > activity["random"]
    assert f"orojar edit {tmp_path / 'demo'}" in done.stdout
    assert Directions.list(tmp_path / "demo")[0] == "orojar-jd"
    assert len(list((tmp_path / "demo" / "previews").glob("direction_*.png"))) == 10
    facts = load_generator(tmp_path / "demo").source_facts
    assert facts is not None
    assert facts.license == "apache-2.0"


def test_the_bundled_generator_is_small():
    assert sum(p.stat().st_size for p in BUNDLED.iterdir()) < 1_000_000
