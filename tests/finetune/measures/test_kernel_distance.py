import itertools

import pytest
import torch

from linear import seeded
from orojar_finetune.measures import kernel_distance as module
from orojar_finetune.measures.kernel_distance import discrepancy_of_rows, kernel_distance, squared_discrepancy


def naive(a: torch.Tensor, b: torch.Tensor) -> float:
    """Pair by pair, in float64."""

    def kernel(x: torch.Tensor, y: torch.Tensor) -> float:
        return (sum(p * q for p, q in zip(x.tolist(), y.tolist(), strict=True)) / len(x) + 1) ** 3

    m, n = len(a), len(b)
    of_a = sum(kernel(a[i], a[j]) for i, j in itertools.permutations(range(m), 2)) / (m * (m - 1))
    of_b = sum(kernel(b[i], b[j]) for i, j in itertools.permutations(range(n), 2)) / (n * (n - 1))
    return of_a + of_b - 2 * sum(kernel(x, y) for x in a for y in b) / (m * n)


@pytest.mark.parametrize("chunk", [3, 1024])
@pytest.mark.parametrize("shift", [0.0, 2.0, 100.0])
def test_it_is_the_double_loop(monkeypatch, chunk, shift):
    monkeypatch.setattr(module, "CHUNK", chunk)
    a, b = torch.randn(7, 5, generator=seeded()) + shift, 2 * torch.randn(9, 5, generator=seeded(1))
    assert squared_discrepancy(a, b) == pytest.approx(naive(a.double(), b.double()), rel=1e-9)


@pytest.mark.parametrize("chunk", [3, 1024])
def test_of_some_rows_it_is_that_of_the_rows_without_pairs_of_one_with_itself(monkeypatch, chunk):
    monkeypatch.setattr(module, "CHUNK", chunk)
    a, b = torch.randn(7, 5, generator=seeded()).double(), torch.randn(9, 5, generator=seeded(1)).double()
    found = discrepancy_of_rows(a, b)
    assert found(torch.arange(7)) == pytest.approx(squared_discrepancy(a, b))
    assert found(torch.tensor([4, 1, 2])) == pytest.approx(squared_discrepancy(a[[4, 1, 2]], b))
    x, y = a[0], a[1]  # twice x, once y: the pairs that are left are (x, y), twice each way
    between = ((x @ y / 5 + 1) ** 3).item()
    to = [((v @ b.T / 5 + 1) ** 3).mean().item() for v in (x, y)]
    rest = found(torch.tensor([0, 0, 1])) - between + 2 * (2 * to[0] + to[1]) / 3
    other = found(torch.tensor([0, 1])) - between + to[0] + to[1]
    assert rest == pytest.approx(other)


def test_two_vectors_each_have_a_closed_form():
    """Width 1: k(x, y) = (x y + 1)³; a = {0, 1}, b = {2, 3}: 1 + 7³ - (1 + 1 + 3³ + 4³) / 2."""
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]])
    assert squared_discrepancy(a, b) == pytest.approx(1 + 343 - 93 / 2)


def test_sets_of_one_distribution_are_at_no_distance_on_average():
    found = [
        squared_discrepancy(torch.randn(20, 8, generator=seeded(i)), torch.randn(20, 8, generator=seeded(1000 + i)))
        for i in range(400)
    ]
    values = torch.tensor(found)
    assert abs(values.mean()) < 4 * values.std() / 20
    assert (values < 0).any()


def test_subsets_have_the_mean_of_the_whole_and_a_deviation():
    a, b = torch.randn(300, 6, generator=seeded()), torch.randn(300, 6, generator=seeded(1)) + 0.5
    found = kernel_distance(a, b, rng=seeded(), subsets=200, subset_size=50)
    assert found.mean == pytest.approx(squared_discrepancy(a, b), rel=0.1)
    assert found.deviation > 0
    assert found == kernel_distance(a, b, rng=seeded(), subsets=200, subset_size=50)


def test_a_subset_of_all_is_the_whole():
    a, b = torch.randn(30, 6, generator=seeded()), torch.randn(30, 6, generator=seeded(1))
    found = kernel_distance(a, b, rng=seeded(), subsets=3, subset_size=30)
    assert found.mean == pytest.approx(squared_discrepancy(a, b))
    assert found.deviation == pytest.approx(0, abs=1e-12)


def test_what_has_no_distance_is_refused():
    some = torch.zeros(10, 2)
    with pytest.raises(ValueError, match="subset_size must be 2 to 10, the vectors of the smaller set, got 1000"):
        kernel_distance(some, torch.zeros(2000, 2), rng=seeded())
    with pytest.raises(ValueError, match="subsets must be at least 1"):
        kernel_distance(some, some, rng=seeded(), subsets=0, subset_size=5)
    with pytest.raises(ValueError, match="at least 2 feature vectors, got 1 and 10"):
        squared_discrepancy(some[:1], some)
    with pytest.raises(ValueError, match="NaN or infinite"):
        squared_discrepancy(some / 0, some)
