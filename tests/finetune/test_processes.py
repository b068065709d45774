"""Two processes of `accelerate launch` against one, through the real command."""

import os
import subprocess
import sys

import pytest
import torch

from orojar_finetune import Directions, write_model_folder
from tiny import tiny_stylegan2

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
        words += ["--count", "3", "--latents", "7", "--held-out", "5", "--descent.steps", "30", "--descent.batch-size", "8"]
        launch(["--multi_gpu", "--num_processes", "2"] if count == 2 else ["--cpu", "--num_processes", "1"], words)
        found[count] = Directions.load(tmp_path / f"of-{count}")
    torch.testing.assert_close(found[2].basis, found[1].basis, atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.tensor(found[2].activity), torch.tensor(found[1].activity), atol=1e-5, rtol=1e-4)


def test_a_launch_that_starts_fewer_processes_than_asked_for_says_so(tmp_path):
    write_model_folder(tmp_path / "m", tiny_stylegan2())
    words = ["discover", str(tmp_path / "m"), "--method", "random", "--count", "2", "--held-out", "2"]
    assert "starts one process only" in launch(["--cpu", "--num_processes", "2"], words).stderr
    assert "starts one process only" not in launch(["--cpu", "--num_processes", "1"], words).stderr


def test_a_batch_that_does_not_divide_among_the_processes_is_refused(tmp_path):
    write_model_folder(tmp_path / "m", tiny_stylegan2())
    words = ["discover", str(tmp_path / "m"), "--method", "orojar", "--count", "2", "--descent.batch-size", "7"]
    command = [*LAUNCH, "--multi_gpu", "--num_processes", "2", "-m", "orojar_finetune", *words]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment)
    assert done.returncode != 0
    assert "batch_size must be a multiple of 2 processes, got 7" in done.stderr
