import logging

import pytest

from orojar_finetune.config import GanConfig
from orojar_finetune.training import checkpoints
from orojar_finetune.training.state import State
from tiny import tiny_discriminator, tiny_stylegan2

OPTIONS = {"run.seed": 0, "trainable": "all", "penalty.weight": 15.0, "run.max_train_steps": 9}


def start(**options):
    state = State.start(tiny_stylegan2(), tiny_discriminator(), GanConfig())
    state.options = {**OPTIONS, **options}
    return state


def test_the_oldest_checkpoints_go_first_by_number(tmp_path):
    for step in (9, 10, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "checkpoint-mine").mkdir()
    checkpoints.prune(tmp_path, 2)
    assert [path.name for path in checkpoints.checkpoints(tmp_path)] == ["checkpoint-10", "checkpoint-100"]
    assert (tmp_path / "checkpoint-mine").is_dir()
    checkpoints.prune(tmp_path, None)
    assert len(checkpoints.checkpoints(tmp_path)) == 2


def test_latest_without_checkpoints_starts_from_the_beginning(tmp_path):
    state = start()
    assert checkpoints.resume(state, tmp_path, "latest") is None
    assert checkpoints.resume(state, tmp_path, None) is None


def test_an_unknown_checkpoint_lists_those_there_are(tmp_path):
    start().save(tmp_path / "checkpoint-3")
    with pytest.raises(ValueError, match=r"no checkpoint checkpoint-4 in .*; existing: checkpoint-3"):
        checkpoints.resume(start(), tmp_path, "checkpoint-4")


def test_a_run_that_is_not_resumed_is_not_overwritten(tmp_path):
    start().save(tmp_path / "checkpoint-3")
    with pytest.raises(ValueError, match=r"checkpoint-3 of an earlier run: .*--resume-from-checkpoint"):
        checkpoints.resume(start(), tmp_path, None)


def test_a_checkpoint_of_another_run_is_refused_before_anything_is_taken_over(tmp_path):
    start().save(tmp_path / "checkpoint-3")
    state = start(**{"run.seed": 1})
    state.step = 7
    with pytest.raises(ValueError, match=r"run.seed 0, and this one has 1"):
        checkpoints.resume(state, tmp_path, "latest")
    assert state.step == 7


def test_other_options_than_before_are_told_and_those_of_the_length_are_not(tmp_path, caplog):
    start().save(tmp_path / "checkpoint-3")
    with caplog.at_level(logging.WARNING, "orojar"):
        checkpoints.resume(start(**{"run.max_train_steps": 20}), tmp_path, "latest")
    assert caplog.text == ""
    with caplog.at_level(logging.WARNING, "orojar"):
        checkpoints.resume(start(**{"penalty.weight": 40.0}), tmp_path, "latest")
    assert "penalty.weight 40.0 (was 15.0)" in caplog.text


def test_checkpoints_after_the_step_that_is_gone_on_from_are_left_aside_and_kept(tmp_path, caplog):
    for step in (2, 4, 6):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "left-checkpoint-6").mkdir()
    with caplog.at_level(logging.WARNING, "orojar"):
        checkpoints.set_later_aside(tmp_path, 2)
    assert [path.name for path in checkpoints.checkpoints(tmp_path)] == ["checkpoint-2"]
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-2", "left-checkpoint-4", "left-checkpoint-6"}
    assert "checkpoint-6 to left-checkpoint-6" in caplog.text
