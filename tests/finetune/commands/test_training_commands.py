"""`orojar finetune` and `orojar train` as people type them: whole processes, killed and resumed."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file

from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_finetune import CheckpointError, Directions, discover, load_discriminator, load_generator, write_model_folder
from orojar_finetune.cli import main
from orojar_finetune.config import PenaltyConfig
from orojar_finetune.training import finetuning
from tiny import tiny_discriminator, tiny_stylegan2

QUICK = ["--max-train-steps", "6", "--train-batch-size", "4", "--checkpointing-steps", "2", "--validation-steps", "3"]
PLAIN = ["--previews", "none"]
DRIFT = ["--fidelity.max-drift", "10"]
QUICK += DRIFT
TRAIN = ["train", "--resolution", "16", "--channels", "8", "8", "4", "--latent-size", "8", "--train-batch-size", "4"]
TRAIN += ["--checkpointing-steps", "2", *PLAIN]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model folder with a discriminator and a direction set."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    generator = tiny_stylegan2()
    found = discover(generator, method="random", count=3, progress=False)
    write_model_folder(folder, generator, {"mine": found}, discriminator=tiny_discriminator())
    return folder


def start(words):
    command = [sys.executable, "-m", "orojar_finetune", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))


def wait_for(path, process, seconds=120.0):
    until = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.02)


def weights(folder):
    parts = ("generator", "discriminator", "average", "generator_optimizer", "discriminator_optimizer", "running")
    return {f"{part}.{name}": value for part in parts for name, value in load_file(folder / f"{part}.safetensors").items()}


def differing(a, b):
    left, right = weights(a), weights(b)
    return [name for name in left.keys() | right.keys() if not torch.equal(left[name], right[name])]


def test_finetune_writes_a_model_folder_that_everything_opens(model, tmp_path, capsys):
    main(["finetune", str(model), "--output-dir", str(tmp_path / "run"), *QUICK])
    out = capsys.readouterr().out
    folder = tmp_path / "run" / "model"
    assert f"6 steps. Wrote {folder}" in out
    assert "off-diagonal cos²" in out
    assert Directions.list(folder) == ["random"]
    assert load_generator(folder).source_facts.has_discriminator
    assert not torch.equal(load_discriminator(folder).b4.out.weight, tiny_discriminator().b4.out.weight)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["finetune"]["start"].keys() == {
        "frechet",
        "off_diagonal_cos2",
        "off_diagonal_share",
        "effective_directions",
        "activity",
    }
    assert metrics["finetune"]["steps"] == 6
    config = json.loads((folder / "training_config.json").read_text())
    assert config["config"]["finetune"]["run"]["max_train_steps"] == 6
    assert (folder / "previews" / "direction_02.png").is_file()
    rows = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 6]


def test_a_finetuned_folder_can_be_tuned_further(model, tmp_path):
    main(["finetune", str(model), "--output-dir", str(tmp_path / "a"), *QUICK, *PLAIN])
    main(["finetune", str(tmp_path / "a" / "model"), "--output-dir", str(tmp_path / "b"), *QUICK, *PLAIN])
    assert not (tmp_path / "b" / "model" / "previews").exists()
    assert load_generator(tmp_path / "b" / "model").source_facts.base["origin"] == "made in memory"


def test_a_dry_run_prints_every_option_and_an_estimate_and_leaves_nothing(model, tmp_path, capsys):
    words = ["--report-to", "tensorboard", "--dry-run"]
    main(["finetune", str(model), "--output-dir", str(tmp_path / "run"), *QUICK, *words])
    out = capsys.readouterr().out
    options, rest = json.JSONDecoder().raw_decode(out)
    assert options["config"]["penalty"]["weight"] == PenaltyConfig().weight
    assert options["config"]["run"]["train_batch_size"] == 4
    assert "6 steps: 0 h 00 min" in out[rest:]
    for word in ("real", "fake", "R1", "generator", "penalty", "memory:", "effective batch: 4 images"):
        assert word in out[rest:]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_prints_the_options_and_halves_the_batch_where_memory_runs_out(model, tmp_path, capsys, monkeypatch, caplog):
    def hungry(self, images, labels=None, forward=StyleGAN2Discriminator.forward):
        if len(images) > 2:
            raise torch.OutOfMemoryError("too much")
        return forward(self, images, labels)

    monkeypatch.setattr(StyleGAN2Discriminator, "forward", hungry)
    with caplog.at_level(logging.WARNING, "orojar"):
        main(["finetune", str(model), "--output-dir", str(tmp_path / "run"), *QUICK, "--dry-run"])
    assert "micro-batches of 2 images instead of 4" in caplog.text
    out = capsys.readouterr().out
    assert out.startswith("{")
    assert "effective batch: 4 images = 2 per micro-batch x 2 accumulated x 1 process" in out
    assert "6 steps: 0 h 00 min" in out


def test_a_dry_run_of_train(tmp_path, capsys):
    main([*TRAIN, "--output-dir", str(tmp_path / "run"), "--max-train-steps", "4", "--dry-run"])
    assert "4 steps: 0 h 00 min" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_train_writes_a_generator_with_its_discriminator(tmp_path, capsys):
    main([*TRAIN, "--output-dir", str(tmp_path / "run"), "--max-train-steps", "2"])
    folder = tmp_path / "run" / "model"
    assert "done: 2 steps, 8 images, Fréchet distance" in capsys.readouterr().out
    generator = load_generator(folder)
    assert generator.source_facts.has_discriminator
    assert generator.mapping.w_avg.abs().sum() > 0
    assert json.loads((folder / "metrics.json").read_text())["train"]["images"] == 8


@pytest.mark.parametrize("resumed", ["latest", "checkpoint-2"])
def test_a_run_killed_at_any_moment_and_resumed_ends_as_if_nothing_had_happened(tmp_path, resumed):
    words = [*TRAIN, "--penalty.weight", "100"]
    process = start([*words, "--max-train-steps", "100000", "--output-dir", str(tmp_path / "killed")])
    try:
        wait_for(tmp_path / "killed" / ("checkpoint-2" if resumed == "checkpoint-2" else "checkpoint-6"), process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = max(int(path.name.split("-")[1]) for path in (tmp_path / "killed").glob("checkpoint-*"))
    end = ["--max-train-steps", str(last + 3)]
    main([*words, *end, "--output-dir", str(tmp_path / "whole")])
    main([*words, *end, "--output-dir", str(tmp_path / "killed"), "--resume-from-checkpoint", resumed])
    name = f"checkpoint-{last + 3}"
    assert differing(tmp_path / "whole" / name, tmp_path / "killed" / name) == []
    leftovers = [path.name for path in (tmp_path / "killed").iterdir() if path.name.startswith(".")]
    assert leftovers == [] or all(name.startswith(".checkpoint-") for name in leftovers)


def test_ctrl_c_saves_and_exits_cleanly(tmp_path):
    process = start([*TRAIN, "--max-train-steps", "100000", "--output-dir", str(tmp_path / "run")])
    wait_for(tmp_path / "run" / "checkpoint-2", process)
    process.send_signal(signal.SIGTERM)  # handled like Ctrl-C, which background processes may be told to ignore
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "interrupted: " in out
    assert "Traceback" not in out
    newest = max(int(path.name.split("-")[1]) for path in (tmp_path / "run").glob("checkpoint-*"))
    assert f"interrupted: {newest} steps" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output-dir", "x", "--resume-from-checkpoint", "checkpoint-9"], "checkpoint-9"),
        (["--output-dir", "x", "--data", "nowhere/at/all"], "nowhere/at/all"),
        (["--output-dir", "x", "--push-to-hub"], "--hub-model-id user/repo"),
        (["--output-dir", "x", "--report-to", "wandb"], "report_to: wandb is not installed"),
        (["--output-dir", "x", "--direction-set", "yours"], "yours"),
        (["--output-dir", "x", "--learning-rate", "nan"], "learning_rate must be a finite number, got nan"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_nothing(model, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    searched = []
    if "checkpoint-9" not in words:  # found out when everything is there that it is to be compared with
        monkeypatch.setattr(finetuning, "discover", lambda *_, **__: searched.append(1))
    with pytest.raises(SystemExit) as exit:
        main(["finetune", str(model), *QUICK, *words])
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert searched == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--penalty.weight", "nan"], "weight must be a finite number, got nan"),
        (["--penalty.weight", "inf"], "weight must be a finite number, got inf"),
        (["--penalty.weight", "-1"], "weight must be greater than or equal to 0"),
        (["--penalty.form", "cosin"], "invalid choice 'cosin'"),
        (["--penalty.form", "variance", "--penalty.options", "probs=4"], "it has: probes, epsilon, scale_free"),
        (["--penalty.form", "cosine", "--penalty.options", "probes=4"], "it has: directions, epsilon"),
        (["--penalty.options", "epsilon"], "expected NAME=VALUE"),
        (["--discover.layers", "4", "2"], "layers must be"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_its_group(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        main(["finetune", "nowhere", *words])
    assert exit.value.code == 2
    box = " ".join(word for word in capsys.readouterr().err.replace("│", " ").split())
    assert message in box


def test_options_of_a_form_are_typed_by_name(model, tmp_path, capsys):
    words = ["--penalty.form", "variance", "--penalty.options", "probes=4", "scale_free=false", "--dry-run"]
    main(["finetune", str(model), "--output-dir", str(tmp_path / "run"), *QUICK, *words])
    options, _ = json.JSONDecoder().raw_decode(capsys.readouterr().out)
    assert options["config"]["penalty"]["options"] == {"probes": 4, "epsilon": 0.1, "scale_free": False}


@pytest.mark.parametrize(("verb", "most"), [("finetune", 37), ("train", 24)])
def test_a_verb_has_the_options_that_people_would_miss_and_no_more(verb, most, capsys):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert 15 < len(re.findall(r"^\W --\w", capsys.readouterr().out, re.MULTILINE)) <= most


def test_the_tuned_model_goes_to_the_hub_and_comes_back(model, tmp_path, hub, capsys):
    words = ["--push-to-hub", "--hub-model-id", "tester/tuned", "--hub-private-repo", "True", *PLAIN]
    main(["finetune", str(model), "--output-dir", str(tmp_path / "run"), *QUICK, *words])
    assert "tester/tuned" in capsys.readouterr().out
    assert HfApi().model_info("tester/tuned").private
    ours, theirs = load_generator(tmp_path / "run" / "model"), load_generator("tester/tuned")
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())


def test_a_run_that_is_stopped_is_not_pushed_unasked(model, tmp_path, hub, capsys):
    words = ["--push-to-hub", "--hub-model-id", "tester/stopped", "--fidelity.max-drift", "1e-9"]
    main(["finetune", str(model), "--output-dir", str(tmp_path / "run"), *[w for w in QUICK if w not in DRIFT], *words])
    folder = tmp_path / "run" / "model"
    assert f"orojar push {folder} tester/stopped" in capsys.readouterr().out
    with pytest.raises(CheckpointError):
        load_generator("tester/stopped")


def test_tensorboard_gets_losses_figures_and_a_strip_a_direction(model, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    main(["finetune", str(model), "--output-dir", str(tmp_path / "run"), *QUICK, *PLAIN, "--report-to", "tensorboard"])
    events = EventAccumulator(str(tmp_path / "run" / "orojar-finetune"))
    events.Reload()
    tags = events.Tags()
    assert {"real", "fake", "generator", "penalty", "frechet", "off_diagonal_share", "activity"} <= set(tags["scalars"])
    assert {"direction 0", "direction 1", "direction 2"} <= set(tags["images"])
    assert [event.step for event in events.Scalars("frechet")] == [3, 6]


def test_what_became_of_a_discriminator_that_cannot_be_used_is_said(model, tmp_path, caplog):
    broken = shutil.copytree(model, tmp_path / "broken")
    weights = broken / "discriminator" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with caplog.at_level(logging.WARNING, "orojar"):
        main(["finetune", str(broken), "--output-dir", str(tmp_path / "run"), *QUICK, "--dry-run"])
    said = [record.getMessage() for record in caplog.records]
    assert any(f"discriminator of {broken} cannot be used: " in text for text in said)
    assert any("training a new one" in text for text in said)
