import torch

from orojar_finetune.diagonalize import joint_diagonalize


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
