import torch
from torch import Tensor
from torch.nn import functional as F

from oblique import diagonalize_obliquely, oblique
from orojar_finetune import DiscoverConfig, discover
from perfect_scenes import PerfectScenes


def leaning(count: int = 30, size: int = 4) -> tuple[Tensor, Tensor]:
    """Matrices that are diagonal along rows which are not at right angles, and the rows."""
    rng = torch.Generator().manual_seed(0)
    rows = F.normalize(torch.eye(size) + 0.4 * torch.randn(size, size, generator=rng), dim=1).double()
    back = torch.linalg.inv(rows)
    return back @ torch.diag_embed(torch.rand(count, size, generator=rng).double() + 0.1) @ back.mT, rows


def test_rows_at_any_angles_are_found():
    matrices, rows = leaning()
    found = diagonalize_obliquely(matrices, ridge=0.0, steps=1500)
    likeness = (found @ rows.T).abs()
    assert likeness.amax(dim=0).min() > 0.999
    assert sorted(likeness.argmax(dim=1).tolist()) == list(range(len(rows)))


def test_the_ridge_holds_rows_at_right_angles():
    matrices, _ = leaning()

    def leaning_left(ridge: float) -> float:
        cosines = diagonalize_obliquely(matrices, ridge)
        return (cosines @ cosines.T - torch.eye(len(cosines))).abs().max().item()

    assert leaning_left(1e6) < 1e-3 < 0.1 < leaning_left(0.0)


def test_held_at_right_angles_it_finds_what_orojar_jd_finds():
    config = DiscoverConfig(space="z", count=5, latents=8, held_out=4)
    held = oblique(PerfectScenes(), config, ridge=1e9)
    assert torch.allclose(held.basis, discover(PerfectScenes(), config, progress=False).basis, atol=0.01)
    free = oblique(PerfectScenes(), config, ridge=1.0)
    assert (free.basis @ free.basis.T - torch.eye(5)).abs().max() > 0.1
