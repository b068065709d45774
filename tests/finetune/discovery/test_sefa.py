"""SeFa against its authors' procedure, written down again with numpy."""

import numpy as np
import pytest
import torch

from orojar_finetune import DiscoverConfig, discover
from tiny import tiny_pggan, tiny_stylegan, tiny_stylegan2

CONFIG = DiscoverConfig(method="sefa", count=4, held_out=4)


def closed_form(rows: list[np.ndarray]) -> np.ndarray:
    """Every output's weights scaled to length 1, then the eigenvectors of AᵀA, largest eigenvalue first."""
    A = np.concatenate([weight / np.linalg.norm(weight, axis=1, keepdims=True) for weight in rows]).astype(np.float64)
    values, vectors = np.linalg.eig(A.T @ A)
    return vectors[:, np.argsort(-values)].T[:4]


def assert_same_lines(found: torch.Tensor, wanted: np.ndarray) -> None:
    cosines = np.abs(found.double().numpy() @ wanted.T)
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2, 3]
    np.testing.assert_allclose(cosines.max(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("make", [tiny_stylegan, tiny_stylegan2])
@pytest.mark.parametrize("layers", [None, (1, 4)])
def test_in_w_of_the_stylegans(make, layers):
    generator = make()
    affine = [m.weight.detach().numpy() for n, m in generator.named_modules() if n.endswith(".affine")]
    names = [n for n, _ in generator.named_modules() if n.endswith(".affine")]
    kept = [a for a, n in zip(affine, names, strict=True) if "torgb" not in n or n.startswith("synthesis.b16.")]
    first, end = layers or (0, len(generator.layers))
    assert len(kept) == len(generator.layers)
    assert_same_lines(discover(generator, CONFIG, layers=layers, progress=False).basis, closed_form(kept[first:end]))


def test_in_z_of_progan():
    generator = tiny_pggan()
    weight = generator.state_dict()["synthesis.layers.0.weight"].numpy()
    rows = weight.transpose(0, 2, 3, 1).reshape(-1, weight.shape[1])
    assert_same_lines(discover(generator, CONFIG, progress=False).basis, closed_form([rows]))
