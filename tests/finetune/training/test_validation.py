import dataclasses

import pytest
import torch

from orojar_finetune import Directions
from orojar_finetune.config import FidelityConfig, GanConfig
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.images.real_images import GeneratorSamples
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training.loop import StopTraining
from orojar_finetune.training.state import State
from orojar_finetune.training.validation import Figures, Selection, Validation
from tiny import tiny_discriminator, tiny_stylegan2

KEYS = {"frechet", "off_diagonal_cos2", "off_diagonal_share", "effective_directions", "activity"}


def directions():
    names = ("direction 0", "direction 1")
    return Directions(random_basis(2, 8, seed=0), torch.ones(2), "w", "random", names, (None,) * 2, (1.0,) * 2)


def validation(folder, max_drift=0.1):
    config = FidelityConfig(features="random", images=128, latents=8)
    original, processes = tiny_stylegan2(), Processes(False)
    fidelity = Fidelity(GeneratorSamples(original, 0), config, processes, 0)
    one = Validation(fidelity, directions(), config, processes, folder, seed=0)
    one.selection = Selection(one.measure(original), max_drift)
    return one


def start():
    state = State.start(tiny_stylegan2(), tiny_discriminator(), GanConfig())
    state.step = 1
    return state


def test_samples_of_the_original_are_nearer_to_it_than_those_of_another_and_the_scale_is_its_spread():
    original = tiny_stylegan2()
    fidelity = Fidelity(GeneratorSamples(original, 0), FidelityConfig(features="random", images=512), Processes(False), 0)
    same, other = fidelity.of(original), fidelity.of(tiny_stylegan2(seed=4))
    assert 0 < same < 0.2
    assert other > 3 * same


def test_an_original_is_measured(tmp_path):
    one = validation(tmp_path)
    assert one.selection.start == one.measure(tiny_stylegan2())
    assert one.selection.start.activity > 0
    assert 0 < one.selection.start.off_diagonal_cos2 < 1


def test_the_score_is_what_is_left_of_the_start_plus_the_used_part_of_the_drift(tmp_path):
    one = validation(tmp_path, max_drift=0.5)
    one.selection.start = Figures(frechet=0.1, off_diagonal_cos2=0.4, activity=1.0)
    assert one.selection.score(Figures(0.35, 0.1, 1.0)) == pytest.approx(0.25 + 0.5)
    assert one.selection.score(Figures(0.05, 0.1, 1.0)) == pytest.approx(0.25)  # better images earn nothing


def test_the_best_weights_stay_while_worse_ones_come(tmp_path):
    one, state = validation(tmp_path, max_drift=100.0), start()
    one(state)
    assert state.best == pytest.approx(1.0, abs=0.01)
    kept = {name: value.clone() for name, value in state.best_weights.items()}
    with torch.no_grad():
        for p in state.average.parameters():
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))
    first = one.selection.start
    one.selection.start = dataclasses.replace(first, off_diagonal_cos2=first.off_diagonal_cos2 / 100)
    one(state)
    assert all(torch.equal(value, kept[name]) for name, value in state.best_weights.items())
    assert state.restore_best()
    assert torch.equal(state.average.synthesis.b4.const, tiny_stylegan2().synthesis.b4.const)
    assert (tmp_path / "validation" / "step-000001.png").is_file()


def test_once_the_penalty_is_annealed_the_last_within_the_drift_is_kept(tmp_path):
    one, state = validation(tmp_path, max_drift=100.0), start()
    one.selection.annealed_from = 4.0
    kept = []
    for step in (2, 3, 4, 5):  # each worse than the one before
        state.step = step
        with torch.no_grad():
            for p in state.average.parameters():
                p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(step)))
        one.selection.start = dataclasses.replace(
            one.selection.start, off_diagonal_cos2=one.selection.start.off_diagonal_cos2 / 10
        )
        one(state)
        kept.append(torch.cat([value.flatten() for value in state.best_weights.values()]))
    assert torch.equal(kept[0], kept[1])
    assert not torch.equal(kept[1], kept[2])
    assert not torch.equal(kept[2], kept[3])


def test_a_drift_past_its_bound_asks_to_stop_with_its_figures(tmp_path):
    one, state = validation(tmp_path, max_drift=1e-6), start()
    with torch.no_grad():
        state.average.synthesis.b16.torgb.bias.add_(1)
    with pytest.raises(StopTraining, match=r"rose from .* more than the allowed 1e-06") as stop:
        one(state)
    assert stop.value.figures.keys() == KEYS
    assert state.best_weights == {}


def test_before_the_generator_trains_there_is_nothing_to_keep(tmp_path):
    one, state = validation(tmp_path, max_drift=100.0), start()
    one.selection.trains_from = 3
    for state.step in (2, 3):
        assert one(state).keys() == KEYS
        assert not state.best_weights
    state.step = 4
    one(state)
    assert state.best_weights and state.best_step == 4


def test_images_that_are_all_alike_are_refused():
    class OneImage(GeneratorSamples):
        def batch(self, step, total, rows):
            images, labels = super().batch(0, total, rows)
            return images[:1].expand_as(images), labels

    with pytest.raises(ValueError, match="data: all images are the same"):
        Fidelity(OneImage(tiny_stylegan2(), 0), FidelityConfig(features="random", images=128), Processes(False), 0)


def test_without_directions_the_images_alone_are_measured_and_samples_drawn(tmp_path):
    one, state = validation(tmp_path), start()
    one.selection = one.directions = None
    assert one(state).keys() == {"frechet"}
    assert (tmp_path / "validation" / "step-000001.png").is_file()
    assert not state.best_weights
