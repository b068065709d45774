import json

import pytest
import torch

import fidelity_parts
import results
from orojar_finetune.scenes.rendering import FACTORS

WIDTH = len(FACTORS) + 128 + 288


@pytest.fixture
def real():
    return torch.randn(1000, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.double)


def test_a_set_is_at_no_distance_from_itself(real):
    found = fidelity_parts.parts(real, real)
    assert all(abs(found[head]) < 1e-9 for head in ("whole", "of its means", "content", "look"))
    assert found["means"] == [0] * 7 and found["deviations"] == [1] * 7


def test_the_group_of_features_that_moved_is_the_one_that_is_far_and_by_its_mean(real):
    made = real.clone()
    made[:, fidelity_parts.LOOK] += 0.5
    found = fidelity_parts.parts(made, real)
    assert found["content"] < 1e-9
    assert found["look"] == pytest.approx(0.25, rel=0.02)
    assert found["whole"] == pytest.approx(found["of its means"]) == pytest.approx(0.25 * 288 / 416, rel=0.02)


def test_factors_have_their_means_deviations_and_correlations(real):
    made = real.clone()
    made[:, 0] = 2 * made[:, 0] + 1
    made[:, 1] = made[:, 0]
    found = fidelity_parts.parts(made, real)
    assert found["means"][0] == pytest.approx(1, abs=0.1) and found["deviations"][0] == pytest.approx(2, rel=1e-3)
    assert found["correlation²"] == pytest.approx(1 / 21, abs=0.01)


def test_the_start_and_every_measured_run_are_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(fidelity_parts, "IMAGES", 64)
    monkeypatch.setattr("sys.argv", ["fidelity_parts.py", "--runs", str(tmp_path)])
    run = tmp_path / "control-seed-0-steps-500"
    run.mkdir()
    (run / "measured.json").write_text(json.dumps({"design": "control", "seed": 0, "steps": 500}))
    (run / "model").symlink_to(fidelity_parts.BUNDLED)
    fidelity_parts.main()
    found = json.loads((tmp_path / "results" / "fidelity_parts.json").read_text())["runs"]
    assert [record["design"] for record in found] == ["other scenes", "start", "control"]
    assert found[1]["whole"] == found[2]["whole"] > found[0]["whole"]
    assert "control" in capsys.readouterr().out
