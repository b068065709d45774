import json
import logging
import os
import signal

import pytest
import torch

from orojar_finetune.config import GanConfig, RunConfig
from orojar_finetune.images.reals import RenderedScenes
from orojar_finetune.runtime.interrupt import Interrupt
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training import checkpoints as saved
from orojar_finetune.training.adversarial import Game
from orojar_finetune.training.loop import Diverged, Loop, Stop
from orojar_finetune.training.parts import Part, delayed
from orojar_finetune.training.state import State
from tiny import tiny_discriminator, tiny_stylegan2


def loop(folder, validate=None, gan=None, resume="latest", **options):
    options = {"max_train_steps": 6, "train_batch_size": 8, "checkpointing_steps": 2, "logging_steps": 1, **options}
    gan = gan or GanConfig(r1_every=2, path_length=1.0, path_length_every=3, augment=True)
    run = RunConfig(**options)
    state = State.start(tiny_stylegan2(), tiny_discriminator(), gan, run.gradient_accumulation_steps)
    saved.resume(state, folder, resume)
    reals = RenderedScenes(16, 0, torch.device("cpu"))
    game = Game(state.generator, state.discriminator, reals, gan, run.train_batch_size, 0, state.running["mean_path"])
    parts = game.discriminator_parts(), game.generator_parts()
    return Loop(state, *parts, gan, run, folder, Processes(progress=False), validate)


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


def test_both_rates_fall_to_zero_at_the_end_of_the_run_also_of_one_that_is_resumed(tmp_path):
    gan = GanConfig(learning_rate=1e-3, discriminator_learning_rate=2e-3, decay=2 / 3)

    def noted(one):
        after, average = [], one.state.update_average

        def update(*given):
            after.append([optimizer.param_groups[0]["lr"] for optimizer, _ in one.players()])
            average(*given)

        one.state.update_average = update
        return after

    whole, last = loop(tmp_path / "whole", gan=gan), loop(tmp_path / "parted", gan=gan)
    rates = noted(whole)
    whole()
    assert [row[0] for row in rates] == pytest.approx([2e-3, 2e-3, 2e-3, 1.5e-3, 1e-3, 0.5e-3])
    assert [row[1] for row in rates] == pytest.approx([1e-3, 1e-3, 1e-3, 0.75e-3, 0.5e-3, 0.25e-3])
    last()
    again = loop(tmp_path / "parted", gan=gan, resume="checkpoint-4")
    resumed = noted(again)
    again()
    assert resumed == rates[4:]
    assert differing(whole.state, again.state) == []


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
        losses.append(one.gradients(Part("part", lambda _, rows, w=weight: (w * values[rows]).mean(), 4), 0))
        slopes.append(0.0 if weight.grad is None else weight.grad.item())
    assert sum(losses) / count == pytest.approx(15 / 4)
    assert sum(slopes) / count == pytest.approx(15 / 4)


def test_the_mean_path_is_that_of_all_latents_whatever_the_micro_batches(tmp_path):
    found = []
    for micro_batches in (1, 3):
        gan = GanConfig(path_length=1.0, noise="none")
        one = loop(tmp_path / str(micro_batches), gan=gan, gradient_accumulation_steps=micro_batches, train_batch_size=10)
        (path,) = (part for part in one.generator_parts if part.name == "path length")
        one.state.running["mean_path"].fill_(1e-6)
        one.listen(one.state.generator_optimizer)
        one.gradients(path, 0)
        path.after(one.processes.mean_of)
        found.append(one.state.running["mean_path"].item())
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_history_after_the_step_that_is_resumed_from_is_forgotten(tmp_path):
    loop(tmp_path)()
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"step": 7, "re')  # a killed run's last line
    loop(tmp_path, resume="checkpoint-4")()
    assert [row["step"] for row in history(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_micro_batches_give_the_gradients_of_the_whole_batch_where_the_discriminator_looks_at_one_image(tmp_path):
    found = []
    for count in (1, 4):
        one = loop(tmp_path / str(count), gan=GanConfig(noise="none"), gradient_accumulation_steps=count)
        one.state.discriminator.b4.group = 1  # images are not compared with each other
        one.listen(one.state.discriminator_optimizer)
        losses = [one.gradients(part, 0) for part in one.discriminator_parts]
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


def test_a_loss_that_is_no_number_stops_and_names_the_last_good_checkpoint(tmp_path):
    one = loop(tmp_path)
    real = one.generator_parts[0]

    def bad(step, rows):
        return real.loss(step, rows) * (float("nan") if step == 3 else 1)

    one.generator_parts = [Part("generator", bad, 8)]
    with pytest.raises(Diverged, match=r"step 4: generator is no finite number any more; the last good checkpoint is .*-2"):
        one()
    assert [path.name for path in saved.checkpoints(tmp_path)] == ["checkpoint-2"]


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    one = loop(tmp_path, max_train_steps=2)

    def poison(state):
        with torch.no_grad():
            next(state.generator.parameters()).fill_(float("nan"))
        return {}

    one.validate, one.run = poison, RunConfig(max_train_steps=2, train_batch_size=8, validation_steps=2, checkpointing_steps=2)
    with pytest.raises(Diverged, match=r"a weight is no finite number any more; there is no checkpoint yet"):
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
    words = "out of memory: going on with micro-batches of {} images instead of {}; the batch stays 8"
    assert [record.getMessage() for record in caplog.records] == [words.format(4, 8), words.format(2, 4)]
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


def test_a_second_interrupt_stops_at_once_and_handlers_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.wanted
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_validation_can_stop_the_run_with_its_reason(tmp_path):
    def validate(state):
        raise Stop("enough", {"figure": 2.0})

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


def test_a_network_none_of_whose_parts_is_due_stays(tmp_path):
    one = loop(tmp_path, gan=GanConfig(), max_train_steps=3)
    one.generator_parts = [delayed(part, 2) for part in one.generator_parts]
    frozen = {}

    def look(state):
        frozen[state.step] = torch.equal(state.generator.synthesis.b4.const, tiny_stylegan2().synthesis.b4.const)
        return {}

    one.validate, one.run = look, RunConfig(max_train_steps=3, train_batch_size=8, validation_steps=1)
    one()
    assert frozen == {1: True, 2: True, 3: False}


def test_a_part_with_a_limit_pulls_no_weight_harder_than_that(tmp_path):
    def gradients(most):
        one = loop(tmp_path / str(most), gan=GanConfig(), max_train_steps=1)
        plain, state = one.generator_parts[0], one.state
        strong = Part("strong", lambda *_: 1e3 * state.generator.synthesis.b4.conv1.weight.square().sum(), 4, most=most)
        found = {}
        for name, parts in (("plain", [plain]), ("both", [plain, strong])):
            one.generator_parts = parts
            one.processes.step = lambda optimizer, name=name: found.setdefault(
                (name, optimizer is state.generator_optimizer),
                {n: p.grad.clone() for n, p in state.generator.named_parameters() if p.grad is not None},
            )
            losses = one._step()
        assert losses.keys() >= {"generator", "strong"}
        return found["plain", True], found["both", True]

    name = "synthesis.b4.conv1.weight"
    for most in (0.5, 2.0):
        plain, both = gradients(most)
        torch.testing.assert_close((both[name] - plain[name]).norm(), most * plain[name].norm())
        assert all(torch.equal(both[other], plain[other]) for other in plain.keys() - {name})
    plain, both = gradients(None)
    assert (both[name] - plain[name]).norm() > 100 * plain[name].norm()
