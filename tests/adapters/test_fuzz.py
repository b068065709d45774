"""Damaged checkpoints of every format, some of each in every run; `make fuzz` opens a hundred thousand."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch

from mutate import altered, mutated

SUPPORT = Path(__file__).parents[1] / "support"
FILES, SEED = 800, 0


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="peaks of memory are read off Linux's /proc")
def test_damaged_files_are_refused_in_one_sentence_or_are_generators():
    """In a process without the checks of types that pytest switches on, which a crash or a lack of memory cannot take along."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")]),
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "fuzz", "--files", str(FILES), "--seed", str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["counts"].keys() == {"loaded", "refused"} and sum(found["counts"].values()) == FILES
    assert found["counts"]["refused"] > FILES / 2
    assert found["longest"] < 5
    assert found["memory"] < 64 * 2**20 and found["growth"] < 128 * 2**20


def test_the_same_seed_makes_the_same_damage():
    data = bytes(range(256)) * 10
    made = [mutated(data, data, Random(seed)) for seed in range(50)]
    assert made == [mutated(data, data, Random(seed)) for seed in range(50)]
    assert len(set(made)) > 40 and data not in made[:5]


def test_altered_values_leave_the_good_ones_alone():
    value = {"g": {"a": torch.ones(2), "b": torch.zeros(3, 3)}}
    found = [altered(value, Random(seed)) for seed in range(50)]
    assert list(value["g"]) == ["a", "b"] and torch.equal(value["g"]["a"], torch.ones(2))
    assert sum(made.keys() != value.keys() or made["g"] is None for made in found) > 2
