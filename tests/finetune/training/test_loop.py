import json
import logging
import os
import signal
from dataclasses import replace

import pytest
import torch

from orojar_finetune.config import GanConfig, RunConfig
from orojar_finetune.images.real_images import RenderedScenes
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training import checkpoints as saved
from orojar_finetune.training.gan_loss import GANLoss
from orojar_finetune.training.loop import DivergedError, Loop, StopTraining
from orojar_finetune.training.loss_terms import LossTerm, delayed
from orojar_finetune.training.state import State
from tiny import tiny_discriminator, tiny_stylegan2


def loop(folder, validate=None, gan=None, resume="latest", **options):
    options = {"max_train_steps": 6, "train_batch_size": 8, "checkpointing_steps": 2, "logging_steps": 1, **options}
    gan = gan or GanConfig(augment=True)
    run = RunConfig(**options)
    state = State.start(tiny_stylegan2(), tiny_discriminator(), gan, run.gradient_accumulation_steps)
    saved.resume(state, folder, resume)
    scenes = RenderedScenes(16, 0, torch.device("cpu"))
    loss = GANLoss(state.generator, state.discriminator, scenes, gan, run.effective_batch(1), 0)
    terms = [replace(term, every=min(term.every, 2)) for term in loss.discriminator_terms()]  # R1 comes more often
    return Loop(state, terms, loss.generator_terms(), gan, run, folder, Processes(progress=False), validate)


def history(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def differing(a, b):
    left, right = ({f"{k}.{n}": v for k, t in s._tensors().items() for n, v in t.items()} for s in (a, b))
    return [name for name in left.keys() | right.keys() if not torch.equal(left[name], right[name])]


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_a_resumed_run_ends_bit_for_bit_like_an_uninterrupted_one(tmp_path, stop):
    whole = loop(tmp_path / "whole")
    whole()
    loop(tmp_path / "parted", max_train_steps=stop)()
    second = loop(tmp_path / "parted")
    assert second.state.step == stop
    second()
    assert differing(whole.state, second.state) == []
    without_speed = [
        [{k: v for k, v in row.items() if k != "images_per_second"} for row in history(tmp_path / name)]
        for name in ("whole", "parted")
    ]
    assert without_speed[0] == without_speed[1]


def test_a_run_that_goes_on_from_an_earlier_checkpoint_has_no_later_ones(tmp_path):
    loop(tmp_path)()
    loop(tmp_path, resume="checkpoint-2", max_train_steps=3, checkpoints_total_limit=1)()
    assert [path.name for path in saved.checkpoints(tmp_path)] == ["checkpoint-3"]
    assert loop(tmp_path).state.step == 3
    assert (tmp_path / "left-checkpoint-6").is_dir()


class OneOf:
    """An accelerator that believes to be one of several."""

    def __init__(self, accelerator, index, count):
        self.accelerator, self.process_index, self.num_processes = accelerator, index, count

    def __getattr__(self, name):
        return getattr(self.accelerator, name)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_batch_need_not_divide_among_processes_whose_mean_is_the_whole(tmp_path, count):
    values = torch.tensor([1.0, 2.0, 4.0, 8.0])
    losses, slopes = [], []
    for index in range(count):
        one = loop(tmp_path)
        one.processes.accelerator = OneOf(one.processes.accelerator, index, count)
        weight = torch.ones((), requires_grad=True)
        losses.append(one.gradients(LossTerm("term", lambda _, rows, w=weight: (w * values[rows]).mean(), 4), 0))
        slopes.append(0.0 if weight.grad is None else weight.grad.item())
    assert sum(losses) / count == pytest.approx(15 / 4)
    assert sum(slopes) / count == pytest.approx(15 / 4)


def test_history_after_the_step_that_is_resumed_from_is_forgotten(tmp_path):
    loop(tmp_path)()
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"step": 7, "re')  # a killed run's last line
    loop(tmp_path, resume="checkpoint-4")()
    assert [row["step"] for row in history(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_micro_batches_give_the_gradients_of_the_whole_batch_where_the_discriminator_looks_at_one_image(tmp_path):
    found = []
    for count in (1, 4):
        one = loop(
            tmp_path / str(count), gan=GanConfig(noise="none"), gradient_accumulation_steps=count, train_batch_size=8 // count
        )
        one.state.discriminator.b4.group = 1  # images are not compared with each other
        one.train_only(one.state.discriminator_optimizer)
        losses = [one.gradients(term, 0) for term in one.discriminator_terms]
        found.append((losses, [p.grad.clone() for p in one.state.discriminator.parameters()]))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])


def test_checkpoints_come_in_their_rhythm_with_a_limit_and_the_last_step_has_one(tmp_path):
    loop(tmp_path, max_train_steps=5, checkpoints_total_limit=2)()
    assert [path.name for path in saved.checkpoints(tmp_path)] == ["checkpoint-4", "checkpoint-5"]


def test_both_networks_and_the_average_move(tmp_path):
    one = loop(tmp_path, max_train_steps=1)
    before = {name: value.clone() for name, value in tiny_stylegan2().state_dict().items()}
    one()
    moved = {name for name, value in one.state.generator.state_dict().items() if not torch.equal(value, before[name])}
    assert moved >= {name for name in before if name.endswith((".weight", ".bias"))}
    assert not torch.equal(one.state.average.synthesis.b4.const, before["synthesis.b4.const"])


def test_a_loss_that_is_nan_stops_and_names_the_last_good_checkpoint(tmp_path):
    one = loop(tmp_path)
    real = one.generator_terms[0]

    def bad(step, rows):
        return real.loss(step, rows) * (float("nan") if step == 3 else 1)

    one.generator_terms = [LossTerm("generator", bad, 8)]
    with pytest.raises(DivergedError, match=r"step 4: generator is NaN or infinite; .* is .*checkpoint-2"):
        one()
    assert [path.name for path in saved.checkpoints(tmp_path)] == ["checkpoint-2"]


def test_weights_that_are_nan_are_never_saved(tmp_path):
    one = loop(tmp_path, max_train_steps=2)

    def poison(state):
        with torch.no_grad():
            next(state.generator.parameters()).fill_(float("nan"))
        return {}

    one.validate, one.run = poison, RunConfig(max_train_steps=2, train_batch_size=8, validation_steps=2, checkpointing_steps=2)
    with pytest.raises(DivergedError, match=r"a weight is NaN or infinite; there is no checkpoint"):
        one()
    assert saved.checkpoints(tmp_path) == []


def test_out_of_memory_halves_the_micro_batch_says_so_and_keeps_the_batch(tmp_path, caplog):
    one = loop(tmp_path, gan=GanConfig(r1_gamma=0), max_train_steps=2)
    seen = []

    def hungry(module, images):
        seen.append(len(images[0]))
        if len(images[0]) > 2:
            raise torch.OutOfMemoryError("too much")

    one.state.discriminator.register_forward_pre_hook(hungry)
    with caplog.at_level(logging.WARNING, "orojar"):
        assert one() == "done"
    words = [(4, 8), (2, 4)]
    for record, (now, before) in zip(caplog.records, words, strict=True):
        assert f"micro-batches of {now} images instead of {before}; the effective batch stays 8" in record.getMessage()
    assert seen[2:] == [2] * (len(seen) - 2)
    assert one.state.micro_batches == 4
    other = loop(tmp_path, gan=GanConfig(r1_gamma=0), max_train_steps=2)
    assert other.state.micro_batches == 4  # a resumed run does not stumble again


def test_memory_that_is_not_enough_for_one_image_is_an_error(tmp_path):
    one = loop(tmp_path)

    def never(module, images):
        raise torch.OutOfMemoryError("too much")

    one.state.discriminator.register_forward_pre_hook(never)
    with pytest.raises(torch.OutOfMemoryError):
        one()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_the_step_saves_and_returns(tmp_path, number):
    def interrupt(state):
        os.kill(os.getpid(), number)
        return {}

    one = loop(tmp_path, interrupt, validation_steps=3)
    assert one() == "interrupted"
    assert saved.checkpoints(tmp_path)[-1].name == "checkpoint-4"
    rest = loop(tmp_path)
    rest()
    whole = loop(tmp_path / "whole")
    whole()
    assert differing(rest.state, whole.state) == []


def test_a_validation_can_stop_the_run_with_its_reason(tmp_path):
    def validate(state):
        raise StopTraining("enough", {"figure": 2.0})

    one = loop(tmp_path, validate, validation_steps=3)
    assert one() == "enough"
    assert one.state.step == 3
    assert history(tmp_path)[-1]["figure"] == 2
    assert saved.checkpoints(tmp_path)[-1].name == "checkpoint-3"


def test_validations_come_in_their_rhythm_and_at_the_end(tmp_path):
    steps = []
    loop(tmp_path, lambda state: steps.append(state.step) or {"figure": 1.0}, validation_steps=4)()
    assert steps == [4, 6]
    assert [row["step"] for row in history(tmp_path) if "figure" in row] == [4, 6]


def test_a_network_none_of_whose_terms_is_due_stays(tmp_path):
    one = loop(tmp_path, gan=GanConfig(), max_train_steps=3)
    one.generator_terms = [delayed(term, 2) for term in one.generator_terms]
    frozen = {}

    def look(state):
        frozen[state.step] = torch.equal(state.generator.synthesis.b4.const, tiny_stylegan2().synthesis.b4.const)
        return {}

    one.validate, one.run = look, RunConfig(max_train_steps=3, train_batch_size=8, validation_steps=1)
    one()
    assert frozen == {1: True, 2: True, 3: False}
