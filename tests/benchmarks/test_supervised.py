import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from orojar_finetune import DiscoverConfig
from orojar_finetune.measures.effects import STILL
from orojar_finetune.scenes.reader import load_reader
from orojar_finetune.scenes.rendering import FACTORS
from perfect_scenes import PerfectScenes
from supervised import strangers, supervised


def test_only_what_is_not_ones_own_counts():
    assert strangers(torch.eye(3)).item() == pytest.approx(1 - 1 / (1 + STILL), rel=1e-5)
    assert strangers(1e6 * torch.ones(3, 3)).item() == pytest.approx(2 / 3, rel=1e-4)
    given_up = torch.diag(torch.tensor([1.0, 1.0, 0.0]))
    assert strangers(given_up) > strangers(torch.eye(3))


@pytest.mark.parametrize("space", ["z", "w"])
def test_latents_that_are_the_factors_are_found(space: str):
    found = supervised(PerfectScenes(), DiscoverConfig(space=space, held_out=4), load_reader(), steps=2)
    whole = F.one_hot(found.basis.abs().argmax(dim=1), len(FACTORS))
    assert whole.sum(dim=0).tolist() == [1] * len(FACTORS)
    assert found.basis.abs().amax(dim=1).min() > 0.95


class Mixed(PerfectScenes):
    """Factors that are mixtures of the latent's coordinates: what goes along with a factor is not what moves it alone."""

    mixture = torch.eye(len(FACTORS)) + 0.6 * torch.eye(len(FACTORS)).roll(1, dims=1)

    def map(self, z: Tensor, labels: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return super().map(z @ self.mixture.T, labels, truncation, cutoff)


def test_descent_finds_what_moves_a_factor_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("supervised.LATENTS", 4)
    alone = F.normalize(torch.linalg.inv(Mixed.mixture).T, dim=1)

    def likeness(steps: int) -> float:
        found = supervised(Mixed(), DiscoverConfig(space="z", held_out=4), load_reader(), steps)
        return (found.basis @ alone.T).abs().amax(dim=0).mean().item()

    before, after = likeness(0), likeness(25)
    assert before < 0.8
    assert after > before + 0.1
