"""Distances between sets against the figures that torch-fidelity gives, which cannot be imported without a torchvision."""

import pytest
import torch
from torch import Tensor

from orojar_finetune.measures.frechet import Moments, frechet_distance
from orojar_finetune.measures.kernel_distance import kernel_distance
from orojar_finetune.measures.precision_recall import members

FRECHET, KERNEL, PRECISION, RECALL = 0.112703680, -0.0333028, 1.0, 0.9375
"""Of torch-fidelity 0.4.0 on these features: its FID, KID of one subset of all, and PRC with 3 neighbors."""


def features(shift: float) -> Tensor:
    rows, columns = torch.arange(400, dtype=torch.float64)[:, None], torch.arange(12, dtype=torch.float64)
    waves = torch.sin(rows * (1.3 + 0.37 * columns) + shift * columns) * (1 + columns / 12)
    return (waves + shift * torch.cos(0.11 * rows + columns)).float()


def test_distances_are_those_of_torch_fidelity():
    made, real = features(0.0), features(0.4)
    assert frechet_distance(Moments.of(made), Moments.of(real)) == pytest.approx(FRECHET, rel=1e-7)
    kernel = kernel_distance(made, real, rng=torch.Generator().manual_seed(0), subsets=1, subset_size=400)
    assert kernel.mean == pytest.approx(KERNEL, rel=1e-5)
    among_real, among_made = members(made, real)
    assert (among_real.double().mean(), among_made.double().mean()) == (PRECISION, RECALL)
