"""Filters against their closed forms: constants and slow waves pass, fast ones do not, and nothing moves or folds back."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters.ops import alias_free
from orojar_adapters.ops.alias_free import downsample, filtered_lrelu, lowpass, radial_lowpass, upsample


def half_band(taps: int = 12, rate: int = 32) -> Tensor:
    """Passes 2 to 14 of 16 cycles per image width, as the first layer of StyleGAN3 has it."""
    return lowpass(taps, 2.0, 12.0, rate).double()


def response(filter: Tensor, frequency: float, rate: float, angle: float = 0.0) -> float:
    """The amplitude at which a wave in this direction leaves a filter."""
    at = (torch.arange(len(filter), dtype=torch.float64) - (len(filter) - 1) / 2) / rate
    if filter.ndim == 1:
        return (filter.double() * torch.cos(2 * math.pi * frequency * at)).sum().item()
    along = math.cos(angle) * at[:, None] + math.sin(angle) * at
    return (filter.double() * torch.cos(2 * math.pi * frequency * along)).sum().item()


def wave(size: int, rate: float, frequency: float, moved: float = 0.0) -> Tensor:
    """Samples of a wave along the width, around the same center whatever the size and the rate."""
    at = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / rate + moved
    return torch.sin(2 * math.pi * frequency * at).expand(1, 1, size, size)


def middle(x: Tensor, size: int) -> Tensor:
    edge = (x.shape[-1] - size) // 2
    return x[:, :, edge : edge + size, edge : edge + size]


@pytest.mark.parametrize("filter", [lowpass(12, 2.0, 12.0, 32), lowpass(24, 5.0, 6.0, 64), radial_lowpass(12, 2.0, 12.0, 32)])
def test_filters_have_unit_gain_for_a_constant_and_are_symmetric(filter):
    assert filter.sum().item() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(filter, filter.flip(0), rtol=0, atol=1e-7)
    if filter.ndim == 2:
        torch.testing.assert_close(filter, filter.T, rtol=0, atol=1e-7)


@pytest.mark.parametrize("design", [lowpass, radial_lowpass])
def test_a_filter_halves_its_cutoff_passes_what_is_slower_and_stops_what_is_faster(design):
    filter = design(24, 8.0, 8.0, 64)
    assert response(filter, 8, 64) == pytest.approx(0.5, abs=0.05)
    assert response(filter, 3, 64) == pytest.approx(1, abs=0.01)
    assert all(abs(response(filter, frequency, 64)) < 0.01 for frequency in (14, 20, 32))


def test_a_radial_filter_is_the_same_in_all_directions_and_a_separable_one_is_not():
    taps = lowpass(24, 8.0, 8.0, 64)
    diagonal = math.pi / 4
    for frequency in (4, 8, 10):
        radial = radial_lowpass(24, 8.0, 8.0, 64)
        assert response(radial, frequency, 64, diagonal) == pytest.approx(response(radial, frequency, 64), abs=0.03)
    assert response(torch.outer(taps, taps), 10, 64, diagonal) > response(taps, 10, 64) + 0.2


def test_the_window_has_no_effect_where_no_attenuation_is_asked_for():
    times = (torch.arange(4) - 1.5) / 8
    plain = torch.sinc(2 * 2.0 * times)
    torch.testing.assert_close(lowpass(4, 2.0, 0.0, 8), plain / plain.sum())


@pytest.mark.parametrize("factor", [2, 4])
def test_a_constant_stays_constant_away_from_the_edges(factor):
    up = upsample(torch.ones(1, 1, 24, 24).double(), half_band(6 * factor, 16 * factor), factor, 24 * factor)
    torch.testing.assert_close(middle(up, 12 * factor), torch.ones(1, 1, 12 * factor, 12 * factor).double(), atol=2e-3, rtol=0)
    for taps in (half_band(), torch.outer(half_band(), half_band())):
        down = downsample(torch.ones(1, 1, 30, 30).double(), taps, 2)
        torch.testing.assert_close(down, torch.ones(1, 1, 10, 10).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_slow_wave_passes_and_stays_where_it_is(factor):
    taps = half_band(6 * factor, 16 * factor)
    up = upsample(wave(32, 16, 1.0), taps, factor, 32 * factor - 2 * factor)
    gain = response(taps, 1, 16 * factor)
    torch.testing.assert_close(
        middle(up, 16 * factor), gain * wave(16 * factor, 16 * factor, 1.0), atol=2e-3, rtol=0, check_stride=False
    )
    down = downsample(wave(32 * factor, 16 * factor, 1.0), half_band(12, 16 * factor), factor)
    wanted = response(half_band(12, 16 * factor), 1, 16 * factor) * wave(down.shape[-1], 16, 1.0)
    torch.testing.assert_close(down, wanted, atol=2e-3, rtol=0, check_stride=False)


@pytest.mark.parametrize("separately", [False, True])
@pytest.mark.parametrize(("factor", "cut"), [(1, 0), (2, 0), (2, 3), (3, 1), (4, 0), (4, 9)])
def test_upsampling_is_zeros_between_the_samples_and_then_the_filter(factor, cut, separately, monkeypatch):
    monkeypatch.setattr(alias_free, "WHOLE_ON", () if separately else ("cpu",))
    draws = torch.Generator().manual_seed(0)
    x, taps = (torch.randn(shape, generator=draws, dtype=torch.float64) for shape in ((2, 3, 7, 7), (6 * factor,)))
    taps = taps + taps.flip(0)
    wide = x.new_zeros(2, 3, 7 * factor, 7 * factor)
    wide[:, :, ::factor, ::factor] = x
    wide = F.pad(wide, (len(taps) - 1, len(taps) - factor) * 2)
    wanted = F.conv2d(wide.flatten(0, 1)[:, None], torch.outer(taps, taps)[None, None]).unflatten(0, (2, 3))[:, :, 0]
    size = wanted.shape[-1] - 2 * cut
    torch.testing.assert_close(upsample(x, taps, factor, size), factor**2 * wanted[..., cut : cut + size, cut : cut + size])


@pytest.mark.parametrize("separately", [False, True])
def test_downsampling_takes_every_second_sample_of_what_the_filter_gives(separately, monkeypatch):
    monkeypatch.setattr(alias_free, "WHOLE_ON", () if separately else ("cpu",))
    draws = torch.Generator().manual_seed(0)
    x, taps = (torch.randn(shape, generator=draws, dtype=torch.float64) for shape in ((2, 3, 31, 31), (12,)))
    whole = F.conv2d(x.flatten(0, 1)[:, None], torch.outer(taps, taps)[None, None]).unflatten(0, (2, 3))[:, :, 0]
    torch.testing.assert_close(downsample(x, taps, 2), whole[:, :, ::2, ::2], check_stride=False)
    torch.testing.assert_close(downsample(x, torch.outer(taps, taps), 2), whole[:, :, ::2, ::2], check_stride=False)


@pytest.mark.parametrize(("size", "words"), [(26, "must be 24, or less"), (21, "less by an even number, got 21")])
def test_sizes_that_have_no_common_center_or_reach_too_far_are_refused(size, words):
    with pytest.raises(ValueError, match=words):
        upsample(torch.ones(1, 1, 7, 7), torch.ones(12), 2, size)


@pytest.mark.parametrize(
    ("value", "clamp", "wanted"), [(3.0, None, 3 * math.sqrt(2)), (-3.0, None, -0.6 * math.sqrt(2)), (3.0, 2.0, 2.0)]
)
def test_constants_meet_a_plain_leaky_relu(value, clamp, wanted):
    x = torch.full((1, 1, 24, 24), value).double()
    y = filtered_lrelu(x, half_band(), 2, half_band(), 2, 24, clamp=clamp)
    torch.testing.assert_close(middle(y, 8), torch.full((1, 1, 8, 8), wanted).double(), atol=0.01, rtol=0)


def test_moving_a_wave_by_a_fraction_of_a_sample_moves_what_the_leaky_relu_makes_of_it():
    def harmonics(moved: float, filtered: bool) -> Tensor:
        x = wave(48, 16, 2.0, moved)
        y = filtered_lrelu(x, half_band(), 2, half_band(), 2, 48) if filtered else F.leaky_relu(x, 0.2)
        return torch.fft.rfft(middle(y, 16)[0, 0, 8]).abs() / 8  # a whole image width: two waves

    moves = [i / 7 / 16 for i in range(1, 7)]
    changes = [max((harmonics(moved, kind) - harmonics(0, kind)).abs().max() for moved in moves) for kind in (True, False)]
    assert changes[0] < 0.01 and changes[1] > 7 * changes[0]


@pytest.mark.parametrize("up", [2, 4])
def test_it_can_be_differentiated_twice(up):
    x = torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    size = 3 if up == 2 else 6

    def filtered(x: Tensor) -> Tensor:
        return filtered_lrelu(x.square(), half_band(6 * up), up, half_band(), 2, size, clamp=0.7)

    assert torch.autograd.gradcheck(filtered, x) and torch.autograd.gradgradcheck(filtered, x)
