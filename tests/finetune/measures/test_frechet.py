import math

import pytest
import torch

from orojar_finetune.measures.frechet import Moments, distance_of_rows, frechet_distance


def gaussian(mean: torch.Tensor, covariance: torch.Tensor) -> Moments:
    """Moments that are exactly these."""
    return Moments(2, mean.double(), covariance.double())  # the scatter of two over 2 - 1


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def rotation(size: int, seed: int = 0) -> torch.Tensor:
    return torch.linalg.qr(draw(size, size, seed=seed).double())[0]


def test_moments_are_mean_and_covariance():
    features = draw(50, 4)
    moments = Moments.of(features)
    torch.testing.assert_close(moments.mean, features.double().mean(dim=0))
    torch.testing.assert_close(moments.covariance, torch.cov(features.double().T))


def test_moments_of_parts_add_up_to_those_of_the_whole():
    features = draw(50, 4) + 100
    a, b, c = (Moments.of(part) for part in features.split([1, 20, 29]))
    whole = Moments.of(features)
    for merged in ((a + b) + c, c + (b + a)):
        assert merged.count == 50
        torch.testing.assert_close(merged.mean, whole.mean)
        torch.testing.assert_close(merged.scatter, whole.scatter)


def test_a_set_is_at_no_distance_from_itself():
    assert frechet_distance(Moments.of(draw(200, 16)), Moments.of(draw(200, 16))) == pytest.approx(0, abs=1e-10)


def test_in_one_dimension_it_is_the_squared_differences_of_means_and_deviations():
    a, b = draw(100, 1), 3 * draw(80, 1, seed=1) + 2
    expected = (a.double().mean() - b.double().mean()) ** 2 + (a.double().std() - b.double().std()) ** 2
    assert frechet_distance(Moments.of(a), Moments.of(b)) == pytest.approx(expected.item())


def test_covariances_that_commute_differ_by_their_roots():
    turned, one, two = rotation(5), torch.arange(1.0, 6.0).double(), torch.tensor([4.0, 1.0, 0.0, 9.0, 2.0]).double()
    a = gaussian(torch.zeros(5), turned @ one.diag() @ turned.T)
    b = gaussian(torch.full((5,), 2.0), turned @ two.diag() @ turned.T)
    assert frechet_distance(a, b) == pytest.approx((20 + (one.sqrt() - two.sqrt()).square().sum()).item())


def test_covariances_that_do_not_commute_agree_with_the_closed_form_of_two_dimensions():
    """The trace of the root of a 2 x 2 matrix M is sqrt(Tr M + 2 sqrt(det M))."""
    a, b = torch.tensor([[2.0, 1.0], [1.0, 3.0]]), torch.tensor([[5.0, -2.0], [-2.0, 1.0]])
    product = a @ b
    root = math.sqrt(product.trace() + 2 * math.sqrt(torch.linalg.det(product)))
    expected = a.trace() + b.trace() - 2 * root
    assert frechet_distance(gaussian(torch.zeros(2), a), gaussian(torch.zeros(2), b)) == pytest.approx(
        expected.item(), rel=1e-6
    )


def test_singular_covariances_are_exact():
    """Rank one each: Tr (C_a C_b)^½ is |u . v| for C_a = u uᵀ, C_b = v vᵀ."""
    u, v = draw(64).double(), draw(64, seed=1).double()
    a, b = gaussian(torch.zeros(64), torch.outer(u, u)), gaussian(torch.zeros(64), torch.outer(v, v))
    expected = u @ u + v @ v - 2 * abs(u @ v)
    assert frechet_distance(a, b) == pytest.approx(expected.item(), rel=1e-12)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)


def test_fewer_vectors_than_features_give_the_distance_within_their_span():
    few, spread = draw(10, 3), rotation(40)[:3].float()
    other = 2 * draw(12, 3, seed=1) + 1
    inside = frechet_distance(Moments.of(few), Moments.of(other))
    assert frechet_distance(Moments.of(few @ spread), Moments.of(other @ spread)) == pytest.approx(inside, rel=1e-5)


def test_features_that_never_change_have_the_distance_of_their_means():
    a, b = Moments.of(torch.zeros(5, 2)), Moments.of(torch.ones(5, 2))
    assert frechet_distance(a, b) == pytest.approx(2)


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_is_symmetric_and_never_negative(seed):
    a, b = Moments.of(draw(8, 30, seed=seed)), Moments.of(1e-6 * draw(8, 30, seed=seed))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a, a + a) >= 0


@pytest.mark.parametrize("count", [5, 400])
def test_of_some_rows_it_is_that_of_the_rows(count):
    made, real = 2 * draw(count, 12) + 1, Moments.of(draw(300, 12, seed=1))
    found = distance_of_rows(made, real)
    for rows in (torch.arange(count), torch.tensor([4, 1, 1, 0, 3])):
        assert found(rows) == pytest.approx(frechet_distance(Moments.of(made[rows]), real), rel=1e-5)


def test_moments_that_say_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 2 feature vectors, got 1"):
        frechet_distance(Moments.of(draw(1, 3)), Moments.of(draw(5, 3)))
    with pytest.raises(ValueError, match="one width, got 3 and 4"):
        frechet_distance(Moments.of(draw(5, 3)), Moments.of(draw(5, 4)))
    with pytest.raises(ValueError, match="at least one feature vector"):
        Moments.of(draw(0, 3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        Moments.of(torch.tensor([[math.nan, 0.0]]))
