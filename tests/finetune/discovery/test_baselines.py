"""Axes against their closed form, SeFa against its authors' procedure."""

import numpy as np
import pytest
import torch

from linear_features import LinearFeatures
from orojar_finetune import discover
from tiny import tiny_pggan, tiny_stylegan, tiny_stylegan2


@pytest.mark.parametrize("num_classes", [0, 3])
def test_the_most_active_coordinates_are_chosen(num_classes):
    generator = LinearFeatures([1.0, 7.0, 2.0, 5.0, 3.0, 4.0], num_classes, mixed=False)
    found = discover(generator, method="axes", count=3, latents=4, progress=False)
    assert torch.equal(found.basis, torch.eye(6)[[1, 3, 5]])
    activity = torch.tensor(found.activity)
    torch.testing.assert_close(activity / activity[0], torch.tensor([49.0, 25.0, 16.0]) / 49, rtol=1e-4, atol=0)


def test_axes_of_w_count_by_their_spread():
    """A coordinate that hardly varies is not active, however strongly the image would follow it."""
    generator = tiny_stylegan2()
    options = {"method": "axes", "count": 8, "latents": 16, "progress": False}
    order = discover(generator, **options).basis.argmax(dim=1).tolist()
    last = generator.mapping.fc1
    with torch.no_grad():
        last.weight[order[0]] *= 1e-3
        last.bias[order[0]] *= 1e-3
    assert discover(generator, **options).basis.argmax(dim=1).tolist()[-1] == order[0]


def sefa_of(rows: list[np.ndarray]) -> np.ndarray:
    """The authors' procedure with numpy: rows of length 1, then the eigenvectors of AᵀA, largest eigenvalue first."""
    A = np.concatenate([weight / np.linalg.norm(weight, axis=1, keepdims=True) for weight in rows]).astype(np.float64)
    values, vectors = np.linalg.eig(A.T @ A)
    return vectors[:, np.argsort(-values)].T[:4]


def assert_same_lines(found: torch.Tensor, wanted: np.ndarray) -> None:
    cosines = np.abs(found.double().numpy() @ wanted.T)
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2, 3]
    np.testing.assert_allclose(cosines.max(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("make", [tiny_stylegan, tiny_stylegan2])
@pytest.mark.parametrize("layers", [None, (1, 4)])
def test_sefa_in_w_is_the_authors_procedure(make, layers):
    generator = make()
    affine = [m.weight.detach().numpy() for n, m in generator.named_modules() if n.endswith(".affine")]
    names = [n for n, _ in generator.named_modules() if n.endswith(".affine")]
    kept = [a for a, n in zip(affine, names, strict=True) if "torgb" not in n or n.startswith("synthesis.b16.")]
    first, end = layers or (0, len(generator.layers))
    assert len(kept) == len(generator.layers)
    assert_same_lines(
        discover(generator, method="sefa", count=4, layers=layers, progress=False).basis, sefa_of(kept[first:end])
    )


def test_sefa_in_z_of_progan_is_the_authors_procedure():
    generator = tiny_pggan()
    weight = generator.state_dict()["synthesis.layers.0.weight"].numpy()
    rows = weight.transpose(0, 2, 3, 1).reshape(-1, weight.shape[1])
    assert_same_lines(discover(generator, method="sefa", count=4, progress=False).basis, sefa_of([rows]))
