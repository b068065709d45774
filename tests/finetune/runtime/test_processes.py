"""Two processes of `accelerate launch` against one, through the real command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import discover_all
from orojar_finetune import Directions, write_model_folder
from orojar_finetune.config import HELD_OUT
from orojar_finetune.discovery import METHODS
from orojar_finetune.measures import direction_set
from tiny import tiny_discriminator, tiny_stylegan2

LAUNCH = [
    sys.executable,
    "-m",
    "accelerate.commands.accelerate_cli",
    "launch",
    "--num_machines",
    "1",
    "--mixed_precision",
    "no",
]
LAUNCH += ["--dynamo_backend", "no", "--num_cpu_threads_per_process", "1", "--main_process_port", "0"]


def launch(launcher: list[str], words: list[str]) -> subprocess.CompletedProcess[str]:
    command = [*LAUNCH, *launcher, "-m", "orojar_finetune", *words]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("Wrote") == 1
    return done


@pytest.mark.parametrize("method", ["orojar-jd", "orojar"])
def test_two_processes_find_the_directions_of_one(tmp_path, method):
    write_model_folder(tmp_path / "m", tiny_stylegan2(num_classes=2))
    found = {}
    for count in (1, 2):
        # an uneven number of latents, so that the processes' shares differ
        words = ["discover", str(tmp_path / "m"), "--output-dir", str(tmp_path / f"of-{count}"), "--method", method]
        options = ["latents=7"] if method == "orojar-jd" else ["latents=8", "steps=30"]
        words += ["--count", "3", "--method-options", *options]
        launch(["--multi_gpu", "--num_processes", "2"] if count == 2 else ["--cpu", "--num_processes", "1"], words)
        found[count] = Directions.load(tmp_path / f"of-{count}")
    torch.testing.assert_close(found[2].basis, found[1].basis, atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.tensor(found[2].activity), torch.tensor(found[1].activity), atol=1e-5, rtol=1e-4)


def test_two_processes_find_the_directions_of_one_by_every_other_method_after_a_tuning(tmp_path, monkeypatch):
    monkeypatch.setattr(direction_set, "HELD_OUT", HELD_OUT)  # as in the other processes, which no fixture reaches
    methods = sorted(set(METHODS) - {"orojar-jd"})
    command = [*LAUNCH, "--multi_gpu", "--num_processes", "2", discover_all.__file__, str(tmp_path), *methods]
    command[command.index("no")] = "bf16"  # of the weights' training: a search stays in float32
    found_by = os.pathsep.join([str(Path(discover_all.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": found_by}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    for method, one in discover_all.discover_all(methods).items():
        two = Directions.load(tmp_path, method)
        torch.testing.assert_close(two.basis, one.basis, atol=1e-4, rtol=0, msg=lambda text, method=method: f"{method}: {text}")
        torch.testing.assert_close(torch.tensor(two.activity), torch.tensor(one.activity), atol=1e-5, rtol=1e-4)


def test_a_launch_that_starts_fewer_processes_than_asked_for_says_so(tmp_path):
    write_model_folder(tmp_path / "m", tiny_stylegan2())
    words = ["discover", str(tmp_path / "m"), "--method", "random", "--count", "2"]
    assert "starts one process only" in launch(["--cpu", "--num_processes", "2"], words).stderr
    assert "starts one process only" not in launch(["--cpu", "--num_processes", "1"], words).stderr


def test_a_batch_that_does_not_divide_among_the_processes_is_refused(tmp_path):
    write_model_folder(tmp_path / "m", tiny_stylegan2())
    words = ["discover", str(tmp_path / "m"), "--method", "orojar", "--count", "2", "--method-options", "latents=7"]
    command = [*LAUNCH, "--multi_gpu", "--num_processes", "2", "-m", "orojar_finetune", *words]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment)
    assert done.returncode != 0
    assert "batch_size must be a multiple of 2 processes, got 7" in done.stderr


@pytest.mark.parametrize("verb", ["train", "finetune"])
def test_two_processes_have_the_losses_of_one_that_accumulates_two_micro_batches(tmp_path, verb):
    """The discriminator compares the images of a micro-batch, and these are the same in both."""
    words = ["--max-train-steps", "6", "--train-batch-size", "4", "--checkpointing-steps", "3", "--penalty.weight", "1000"]
    if verb == "train":
        words += ["--resolution", "16", "--channels", "8", "8", "4", "--latent-size", "8"]
        source = []
    else:
        source = [str(tmp_path / "m")]
        write_model_folder(tmp_path / "m", tiny_stylegan2(num_classes=2), discriminator=tiny_discriminator(num_classes=2))
        words += ["--discover.count", "3", "--fidelity.max-drift", "99", "--validation-steps", "3"]
    histories = []
    for count in (1, 2):
        target = tmp_path / f"of-{count}"
        launcher = ["--multi_gpu", "--num_processes", "2"] if count == 2 else ["--cpu", "--num_processes", "1"]
        accumulation = ["--gradient-accumulation-steps", str(3 - count)]
        launch(launcher, [verb, *source, "--output-dir", str(target), *accumulation, *words])
        histories.append([json.loads(line) for line in (target / "history.jsonl").read_text().splitlines()])
        assert json.loads((target / "checkpoint-6" / "state.json").read_text())["options"]["effective_batch"] == 8
    assert {"real", "fake", "R1", "generator", "penalty", "frechet"} <= {name for row in histories[0] for name in row}
    for one, two in zip(*histories, strict=True):
        assert one.keys() == two.keys()
        for name in one.keys() - {"images_per_second"}:
            assert two[name] == pytest.approx(one[name], rel=1e-5, abs=1e-5), (one["step"], name)
