import pytest
import torch

from orojar_finetune.discovery.orojar_jd import joint_diagonalize


def rotation(size: int, seed: int) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))[0]


def off(matrices: torch.Tensor) -> float:
    return float((matrices - torch.diag_embed(matrices.diagonal(dim1=1, dim2=2))).square().sum())


def test_matrices_with_a_common_basis_are_made_diagonal():
    Q = rotation(8, 0)
    values = torch.rand(20, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = joint_diagonalize(Q @ torch.diag_embed(values) @ Q.T)
    permutation = (Q.T @ found).abs()
    torch.testing.assert_close(permutation.max(dim=0).values, torch.ones(8, dtype=torch.float64))


def test_one_matrix_gets_its_eigenvectors():
    A = torch.randn(5, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    A = A @ A.T
    Q = joint_diagonalize(A[None])
    assert off((Q.T @ A @ Q)[None]) < 1e-14 * float(A.square().sum())


def test_no_small_rotation_improves_on_the_result_for_matrices_without_a_common_basis():
    rng = torch.Generator().manual_seed(3)
    A = torch.randn(10, 4, 4, generator=rng, dtype=torch.float64)
    A = A @ A.mT
    Q = joint_diagonalize(A)
    best = off(Q.T @ A @ Q)
    assert best < off(A)
    torch.testing.assert_close(Q.T @ Q, torch.eye(4, dtype=torch.float64))
    for _ in range(50):
        skew = torch.randn(4, 4, generator=rng, dtype=torch.float64) * 0.03
        turned = Q @ torch.matrix_exp(skew - skew.T)
        assert off(turned.T @ A @ turned) > best


def test_equal_diagonals_are_no_resting_place():
    """The identity is a saddle of the sum there, and an eighth of a turn its least."""
    A = torch.tensor([[[2.0, 1.0], [1.0, 2.0]]], dtype=torch.float64)
    Q = joint_diagonalize(A)
    torch.testing.assert_close((Q.T @ A @ Q)[0].diagonal().sort().values, torch.tensor([1.0, 3.0], dtype=torch.float64))
    assert off(Q.T @ A @ Q) < 1e-28
    rng = torch.Generator().manual_seed(4)
    alike = torch.stack([torch.corrcoef(torch.randn(6, 12, generator=rng, dtype=torch.float64)) for _ in range(30)])
    found = joint_diagonalize(alike)
    assert off(found.T @ alike @ found) < 0.6 * off(alike)


def test_what_is_diagonal_up_to_rounding_stays():
    A = torch.eye(3, dtype=torch.float64)[None] + 1e-17 * torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert torch.equal(joint_diagonalize(A), torch.eye(3, dtype=torch.float64))


def test_matrices_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        joint_diagonalize(torch.full((1, 2, 2), torch.nan))
