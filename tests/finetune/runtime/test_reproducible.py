import pytest
import torch

from orojar_finetune.config import GanConfig, RunConfig
from orojar_finetune.discovery import discovering
from orojar_finetune.measures.direction_set import BATCH_SIZE, VARIANCE_SAMPLES
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import full_precision, rng
from orojar_finetune.training.loop import Loop
from orojar_finetune.training.loss_terms import LossTerm
from orojar_finetune.training.state import State
from quick import quick_config
from tiny import tiny_discriminator, tiny_stylegan2

ALLOWED: list[bool] = []


class Watched(torch.autograd.Function):
    """Notes whether TF32 was allowed when a value was computed and when its gradient was."""

    @staticmethod
    def forward(_ctx, x):
        ALLOWED.append(torch.backends.cudnn.allow_tf32)
        return x.clone()

    @staticmethod
    def backward(_ctx, gradient):
        ALLOWED.append(torch.backends.cudnn.allow_tf32)
        return gradient


@pytest.fixture
def seen():
    """What is noted; outside TF32 is allowed."""
    assert torch.backends.cudnn.allow_tf32
    ALLOWED.clear()
    return ALLOWED


def watch(generator):
    synthesize = generator.synthesize_with_activations

    def watched(*arguments, **options):
        image, kept = synthesize(*arguments, **options)
        return Watched.apply(image), kept

    generator.synthesize_with_activations = watched
    return generator


@pytest.mark.parametrize("exact", [True, False])
def test_an_exact_term_has_all_bits_forwards_and_backwards(tmp_path, seen, exact):
    gan, run = GanConfig(), RunConfig(max_train_steps=1, train_batch_size=4)
    state = State.start(watch(tiny_stylegan2()), tiny_discriminator(), gan)

    def loss(step, rows):
        ws = state.generator.map(torch.ones(rows.stop - rows.start, 8))
        return state.generator.synthesize_with_activations(ws, ())[0].mean()

    term = LossTerm("penalty", loss, 4, exact=exact)
    loop = Loop(state, [], [term], gan, run, tmp_path, Processes(progress=False))
    loop.train_only(state.generator_optimizer)
    loop.gradients(term, 0)
    assert seen == [not exact] * 2


@pytest.mark.parametrize("method", ["orojar", "orojar-jd"])
def test_directions_are_searched_and_measured_with_all_bits(seen, method):
    config = quick_config(method, 2, {"latents": 2, "steps": 2})
    discovering.discover(watch(tiny_stylegan2()), config, progress=False)
    last = VARIANCE_SAMPLES // BATCH_SIZE  # the last images are those whose variance is measured: no small step
    differences, variance = seen[:-last], seen[-last:]
    assert len(differences) > 4
    assert not any(differences)
    assert all(variance)


def test_precision_that_is_borrowed_is_given_back():
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
    torch.set_float32_matmul_precision("high")
    try:
        with pytest.raises(RuntimeError), full_precision():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
            raise RuntimeError
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cudnn.allow_tf32 == before[1]
        assert torch.backends.cudnn.enabled == before[2]
    finally:
        torch.set_float32_matmul_precision(before[0])


def numbers(*purpose, seed=0):
    return torch.rand(4, generator=rng(seed, *purpose)).tolist()


def test_the_same_purpose_gives_the_same_numbers():
    assert numbers("latents", 3) == numbers("latents", 3)


def test_seed_word_and_step_each_give_other_numbers():
    drawn = [numbers("latents", 3), numbers("latents", 4), numbers("noise", 3), numbers("latents", 3, seed=1)]
    assert len({tuple(row) for row in drawn}) == 4


def test_words_and_numbers_do_not_run_together():
    assert numbers("a", 12) != numbers("a", 1, 2)


def test_global_randomness_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    numbers("latents", 1)
    assert torch.equal(torch.get_rng_state(), before)
