import pytest
import torch

from linear import seeded
from orojar_finetune.measures.bootstrap import interval, interval_of
from orojar_finetune.measures.ground_truth import disentanglement_completeness


def test_the_interval_of_a_mean_is_two_standard_errors_wide_each_way():
    values = torch.randn(400, generator=seeded()).double()
    found = interval(values, rng=seeded(1), resamples=4000)
    error = values.std(correction=0) / 400**0.5
    assert found.value == values.mean()
    assert (found.high - found.value).item() == pytest.approx(1.96 * error.item(), rel=0.1)
    assert (found.value - found.low).item() == pytest.approx(1.96 * error.item(), rel=0.1)


def test_it_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for i in range(100):
        low, high = interval(torch.randn(60, generator=seeded(i)), rng=seeded(1000 + i), resamples=100, level=0.8)[1:]
        held += bool(low <= 0 <= high)
    assert 68 <= held <= 92  # 80 of 100, with a standard deviation of 4


def test_a_higher_level_is_wider():
    values = torch.randn(50, generator=seeded())
    narrow, wide = (interval(values, rng=seeded(), level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_values_that_are_all_alike_leave_no_doubt():
    found = interval(torch.full((10,), 0.25), rng=seeded(), resamples=10)
    assert found == (0.25, 0.25, 0.25)


def test_a_median_or_anything_else_is_a_statistic():
    values = torch.arange(101.0)
    found = interval(values, lambda v: v.median(), rng=seeded())
    assert found.value == 50
    # order statistics: the ends are where a binomial of 101 halves has its 2.5 % quantiles, 50 +- 9.85
    assert found.low.item() == pytest.approx(40, abs=2) and found.high.item() == pytest.approx(60, abs=2)


def test_columns_have_intervals_of_their_own():
    values = torch.stack([torch.zeros(20), torch.arange(20.0)], dim=1)
    found = interval(values, rng=seeded())
    assert found.low.shape == (2,)
    assert found.low[0] == found.high[0] == 0
    assert found.low[1] < 9.5 < found.high[1]


def test_rows_stay_together():
    one = torch.randn(30, generator=seeded()).double()
    values = torch.stack([one, one + 3], dim=1)
    found = interval(values, lambda v: (v[:, 1] - v[:, 0]).mean(), rng=seeded())
    torch.testing.assert_close(found.high - found.low, torch.tensor(0.0).double(), atol=1e-12, rtol=0)


def test_numbers_that_need_a_whole_matrix_have_intervals_too():
    effects = torch.rand(64, 3, 4, generator=seeded())

    def disentanglement(rows: torch.Tensor) -> float:
        return disentanglement_completeness(effects[rows].mean(dim=0))[0]

    found = interval_of(disentanglement, 64, rng=seeded(), resamples=100)
    assert found.value.item() == pytest.approx(disentanglement_completeness(effects.mean(dim=0))[0])
    assert found.low < found.high


def test_what_repeated_rows_raise_can_be_centered():
    values = torch.rand(200, generator=seeded())

    def distinct(rows: torch.Tensor) -> float:
        return float(len(values[rows].unique()))

    raised = interval_of(distinct, 200, rng=seeded(), resamples=200)
    centered = interval_of(distinct, 200, rng=seeded(), resamples=200, centered=True)
    assert raised.value == centered.value == 200
    assert raised.high < 150  # about a third of the rows is missing from each
    assert centered.low < 200 < centered.high
    torch.testing.assert_close(centered.high - centered.low, raised.high - raised.low)


def test_as_many_rows_are_drawn_as_there_are():
    seen = []

    def count(rows: torch.Tensor) -> float:
        seen.append(rows)
        return 0.0

    interval_of(count, 7, rng=seeded(), resamples=50)
    drawn = torch.stack(seen[:-1])
    assert drawn.shape == (50, 7)
    assert drawn.unique().tolist() == list(range(7))
    assert any(len(rows.unique()) < 7 for rows in drawn)
    assert seen[-1].tolist() == list(range(7))


def test_the_same_draws_give_the_same_ends():
    values = torch.randn(20, generator=seeded())
    assert interval(values, rng=seeded(3)) == interval(values, rng=seeded(3))
    assert interval(values, rng=seeded(3)) != interval(values, rng=seeded(4))


def test_what_has_no_interval_is_refused():
    with pytest.raises(ValueError, match="at least 2 latents and 2 resamples, got 1 and 1000"):
        interval(torch.zeros(1), rng=seeded())
    with pytest.raises(ValueError, match="got 5 and 1"):
        interval(torch.zeros(5), rng=seeded(), resamples=1)
    with pytest.raises(ValueError, match=r"between 0 and 1, as in 0\.95, got 95"):
        interval(torch.zeros(5), rng=seeded(), level=95)
