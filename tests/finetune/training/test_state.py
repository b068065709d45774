import copy

import pytest
import torch

from orojar_finetune.config import GanConfig
from orojar_finetune.training.state import State
from tiny import tiny_discriminator, tiny_stylegan2


def start(seed=0, **options):
    state = State.start(tiny_stylegan2(seed=seed), tiny_discriminator(seed=seed + 1), GanConfig(**options))
    state.running["basis"] = torch.full((2, 3), float(seed))
    return state


def move(state, seed=0):
    """Random gradients through both optimizers, so that the moments are not empty."""
    rng = torch.Generator().manual_seed(seed)
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = torch.empty_like(p).copy_(torch.randn(p.shape, generator=rng))
        optimizer.step()
    state.step += 1
    state.update_average(16, 100, 0.05)


def tensors(state):
    return {f"{part}.{name}": value for part, found in state._tensors().items() for name, value in found.items()}


def assert_same(a, b):
    left, right = tensors(a), tensors(b)
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []
    assert (a.step, a.micro_batches, a.best) == (b.step, b.micro_batches, b.best)


def test_a_state_returns_bit_for_bit_and_goes_on_bit_for_bit(tmp_path):
    state = start()
    move(state)
    state.keep_best(0.5)
    state.micro_batches = 4
    state.save(tmp_path / "checkpoint-1")
    other = start(seed=3)
    other.load(tmp_path / "checkpoint-1")
    assert_same(state, other)
    move(state, seed=9)
    move(other, seed=9)
    assert_same(state, other)


def test_of_micro_batches_asked_for_and_saved_the_larger_number_holds(tmp_path):
    state = start()
    for saved, asked in ((2, 4), (4, 2)):
        state.micro_batches = saved
        state.save(tmp_path / f"checkpoint-{saved}")
        other = start()
        other.micro_batches = asked
        other.load(tmp_path / f"checkpoint-{saved}")
        assert other.micro_batches == 4


@pytest.mark.parametrize(("saved", "now"), [("all", "mapping"), ("mapping", "all"), ("mapping", "synthesis")])
def test_moments_of_other_weights_are_refused(tmp_path, saved, now):
    def moving(what):
        generator = tiny_stylegan2().requires_grad_(False)
        (generator if what == "all" else getattr(generator, what)).requires_grad_(True)
        return State.start(generator, tiny_discriminator(), GanConfig())

    state = moving(saved)
    move(state)
    state.save(tmp_path / "checkpoint-1")
    with pytest.raises(ValueError, match="trained other weights"):
        moving(now).load(tmp_path / "checkpoint-1")


def test_a_state_without_a_best_has_none_after_its_return(tmp_path):
    start().save(tmp_path / "checkpoint-0")
    other = start(seed=3)
    other.keep_best(0.1)
    other.load(tmp_path / "checkpoint-0")
    assert other.best == float("inf")
    assert other.best_weights == {}


def test_the_average_follows_with_its_half_life_and_copies_buffers():
    state = start()
    state.step = 10_000  # far from the start, where it follows faster
    old = copy.deepcopy(state.average)
    with torch.no_grad():
        for p in state.generator.parameters():
            p.add_(1)
    state.generator.mapping.w_avg.fill_(7)
    state.update_average(images=50, half_life=50, rampup=0.05)
    for (name, now), before in zip(state.average.named_parameters(), old.parameters(), strict=True):
        torch.testing.assert_close(now, before + 0.5, msg=name)
    assert (state.average.mapping.w_avg == 7).all()


def test_no_half_life_means_the_weights_themselves():
    state = start()
    move(state)
    state.update_average(16, 0, 0.05)
    assert all(torch.equal(a, b) for a, b in zip(state.average.parameters(), state.generator.parameters(), strict=True))


def test_only_weights_that_may_move_are_optimized():
    generator = tiny_stylegan2()
    generator.requires_grad_(False)
    generator.mapping.requires_grad_(True)
    state = State.start(generator, tiny_discriminator(), GanConfig())
    assert len(state.generator_optimizer.param_groups[0]["params"]) == len(list(generator.mapping.parameters()))


def test_the_discriminator_may_learn_at_its_own_rate():
    state = start(learning_rate=0.1, discriminator_learning_rate=0.3)
    assert state.generator_optimizer.param_groups[0]["lr"] == 0.1
    assert state.discriminator_optimizer.param_groups[0]["lr"] == 0.3


@pytest.mark.parametrize("damage", ["cut", "missing", "other"])
def test_a_checkpoint_that_is_not_whole_or_of_other_networks_is_refused(tmp_path, damage):
    folder = tmp_path / "checkpoint-0"
    if damage == "other":
        State.start(tiny_stylegan2(latent_size=4), tiny_discriminator(), GanConfig()).save(folder)
    else:
        start().save(folder)
    path = folder / "generator.safetensors"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "missing":
        path.unlink()
    with pytest.raises(ValueError, match="not a checkpoint of this run"):
        start().load(folder)


def test_weights_that_are_nan_are_noticed():
    state = start()
    assert state.is_finite()
    with torch.no_grad():
        next(state.discriminator.parameters())[0] = float("nan")
    assert not state.is_finite()
