import dataclasses

import pytest
import torch

from paper_presets import DESIGNS, PENALTIES, PRESETS
from paper_training import Training

TINY = dataclasses.replace(
    PRESETS["reduced"],
    resolution=32,
    generator=(6, 4, 4, 4),
    discriminator=(4, 4, 4),
    embedding=4,
    batch=4,
    steps=8,
    penalised=2,
)


def tiny(design="orojar scale-free", weight=1.0, seed=0, **changes):
    return Training(dataclasses.replace(TINY, **changes), design, weight, seed)


def state(training):
    """All that a training has learned, as one list of tensors."""
    found = []
    for network, optimizer in training._parts.values():
        found += network.state_dict().values()
        found += [moments[name] for moments in optimizer.state_dict()["state"].values() for name in sorted(moments)]
    return found


@pytest.mark.parametrize("design", DESIGNS)
def test_a_run_that_was_cut_short_goes_on_to_the_bit(design, tmp_path):
    through = tiny(design, 1e-3)
    for _ in range(6):
        through.advance()
    before = tiny(design, 1e-3)
    for _ in range(3):
        before.advance()
    before.save(tmp_path / "checkpoint.safetensors")
    after = tiny(design, 1e-3)
    after.load(tmp_path / "checkpoint.safetensors")
    assert after.step == 3
    assert after.seconds == before.seconds > 0
    for _ in range(3):
        after.advance()
    assert all(torch.equal(a, b) for a, b in zip(state(through), state(after), strict=True))


@pytest.mark.parametrize("other", [{"seed": 1}, {"weight": 2.0}, {"design": "orojar"}, {"steps": 9}])
def test_a_checkpoint_of_another_run_is_refused(other, tmp_path):
    tiny().save(tmp_path / "checkpoint.safetensors")
    with pytest.raises(ValueError, match="--runs"):
        tiny(**other).load(tmp_path / "checkpoint.safetensors")


@pytest.mark.parametrize("design", PENALTIES)
def test_penalties_without_weight_change_nothing(design):
    plain, weightless = tiny("none", 0.0), tiny(design, 0.0)
    for _ in range(3):
        losses = plain.advance(), weightless.advance()
    assert set(losses[1]) - set(losses[0]) == {"penalty"}
    assert losses[1]["penalty"] > 0
    for a, b in zip(state(plain), state(weightless), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("design", PENALTIES)
def test_the_generator_descends_the_penalty_times_its_weight(design):
    found = []
    for weight in (0.0, 1.0, 2.0):
        training = tiny(design, weight)
        training.advance()
        found.append(torch.cat([p.grad.flatten() for p in training.generator.parameters() if p.grad is not None]))
    game, once, twice = found
    assert (once - game).norm() > 1e-3 * game.norm()
    torch.testing.assert_close(twice - game, 2 * (once - game), rtol=1e-3, atol=1e-3 * (once - game).abs().max().item())


def test_the_rate_is_constant_for_half_of_the_steps_and_then_falls_to_zero():
    training, rates = tiny("none", 0.0), []
    while training.step < TINY.steps:
        training.advance()
        rates += [optimizer.param_groups[0]["lr"] / TINY.rate for _, optimizer in training._parts.values()]
    assert rates[::2] == rates[1::2] == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_how_a_run_is_measured_may_change_before_it_goes_on(tmp_path):
    tiny().save(tmp_path / "checkpoint.safetensors")
    other = tiny(latents=7, vp_epochs=3, weights={"orojar": 5.0})
    other.load(tmp_path / "checkpoint.safetensors")
    assert other.step == 0


def test_seeds_draw_differently():
    one, other = tiny(seed=0).advance(), tiny(seed=1).advance()
    assert one["distance"] != other["distance"]
