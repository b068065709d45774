import math

import pytest
import torch

from linear import Linear, direction_set, seeded
from orojar_finetune.measures.mutual_information_gap import codes_and_factors, mutual_information_gap
from orojar_finetune.scenes.reader import load_reader
from perfect_scenes import PerfectScenes


def uniform(samples: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(samples, columns, generator=seeded(seed))


def test_codes_that_are_the_factors_stand_out():
    factors = uniform(20_000, 3)
    gaps = mutual_information_gap(factors, factors)
    assert gaps.min() > 1 - 1.5 * 19**2 / 2 / 20_000 / math.log(20)  # the bias of what the next code seems to tell


def test_scale_sign_and_order_of_codes_do_not_matter():
    factors = uniform(5000, 3)
    codes = factors[:, [2, 0, 1]] * torch.tensor([100.0, -0.1, 3.0]) + 7
    torch.testing.assert_close(
        mutual_information_gap(codes, factors), mutual_information_gap(factors, factors), atol=2e-3, rtol=0
    )


def test_two_codes_that_tell_the_same_have_no_gap():
    factors = uniform(1000, 2)
    assert mutual_information_gap(factors[:, [0, 0, 1, 1]], factors).abs().max() < 1e-6


def test_codes_that_mix_two_factors_evenly_have_next_to_none():
    factors = uniform(20_000, 2)
    mixed = torch.stack([factors.sum(dim=1), factors[:, 0] - factors[:, 1]], dim=1)
    assert mutual_information_gap(mixed, factors).max() < 0.02


def test_half_of_what_there_is_to_know_is_half_a_gap():
    """Four values, equally often: one code tells which, ln 4, the other which half, ln 2."""
    factor = torch.arange(4.0).repeat(10)[:, None]
    codes = torch.cat([factor // 2, factor], dim=1)
    assert mutual_information_gap(codes, factor).item() == pytest.approx(0.5)


def test_codes_that_tell_nothing_have_no_gap():
    assert mutual_information_gap(uniform(20_000, 4), uniform(20_000, 2, seed=1)).max() < 0.01


def test_a_lone_code_is_compared_with_one_that_tells_nothing():
    factor = torch.arange(4.0)[:, None]
    assert mutual_information_gap(factor, factor).item() == pytest.approx(1)
    assert mutual_information_gap(torch.zeros(4, 1), factor).item() == pytest.approx(0, abs=1e-12)


def test_a_factor_that_never_changes_has_none():
    factors = torch.cat([torch.full((50, 1), 0.3), uniform(50, 1)], dim=1)
    gaps = mutual_information_gap(factors, factors)
    assert gaps[0] == 0
    assert gaps[1] == pytest.approx(1)


def test_bins_are_of_equal_width():
    """Of two bins over 0..10 the first holds nine of ten values, which tells little."""
    skewed = torch.tensor([0.0, 0, 0, 1, 1, 2, 3, 4, 4.9, 10])[:, None]
    other = torch.tensor([0.0, 0, 0, 0, 0, 0, 0, 0, 0, 1])[:, None]
    assert mutual_information_gap(other, skewed, bins=2).item() == pytest.approx(1)


def test_perfect_scenes_have_wide_gaps_and_turned_directions_narrow_ones():
    generator, reader = PerfectScenes(num_classes=2), load_reader()
    turned = torch.eye(7)
    turned[:2, :2] = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
    codes, factors = codes_and_factors(generator, direction_set(turned), reader, seeded(), latents=800)
    gaps = mutual_information_gap(codes, factors, bins=8)
    assert gaps[:2].max() < 0.1
    assert gaps[2:].min() > 0.3


def test_what_cannot_be_told_is_refused():
    with pytest.raises(ValueError, match="at least 2 samples and 2 bins, got 1 and 20"):
        mutual_information_gap(torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="RGB images, this generator makes 1 channels"):
        codes_and_factors(Linear(), direction_set(torch.eye(4)), load_reader(), seeded(), latents=2)
