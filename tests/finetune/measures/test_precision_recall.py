import pytest
import torch

from linear import seeded
from orojar_finetune.measures import precision_recall as module
from orojar_finetune.measures.precision_recall import members


def cluster(count: int, middle: float, seed: int = 0, width: int = 8) -> torch.Tensor:
    return torch.randn(count, width, generator=seeded(seed)) + middle


def precision_recall(generated: torch.Tensor, real: torch.Tensor, k: int = 3) -> tuple[float, float]:
    precise, recalled = (inside.double().mean().item() for inside in members(generated, real, k))
    return precise, recalled


def test_a_set_has_itself_precisely_and_wholly():
    same = cluster(50, 0)
    assert precision_recall(same, same) == (1, 1)


def test_sets_far_apart_share_nothing():
    assert precision_recall(cluster(50, 0), cluster(50, 100)) == (0, 0)


def test_a_lost_mode_costs_recall_alone():
    real = torch.cat([cluster(60, 0), cluster(40, 100, 1)])
    assert precision_recall(real[:60], real) == (1, 0.6)


def test_an_invented_mode_costs_precision_alone():
    real = cluster(60, 0)
    generated = torch.cat([real, cluster(20, 100, 1)])
    assert precision_recall(generated, real) == (0.75, 1)


def test_members_say_which_they_are():
    real = torch.cat([cluster(60, 0), cluster(40, 100, 1)])
    generated = torch.cat([real[:60], cluster(20, -100, 2)])
    among_real, among_generated = members(generated, real)
    assert among_real.tolist() == [True] * 60 + [False] * 20
    assert among_generated.tolist() == [True] * 60 + [False] * 40


def test_the_reach_of_a_vector_is_its_kth_neighbor():
    """On a line: the ball of 0 reaches its k-th neighbor k, those of 1, 2, 3 less far beyond 3."""
    real = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    for k, inside in ((1, 4.0), (2, 5.0), (3, 6.0)):
        at, beyond = torch.full((9, 1), inside), torch.full((9, 1), inside + 0.01)
        assert precision_recall(at, real, k)[0] == 1
        assert precision_recall(beyond, real, k)[0] == 0


@pytest.mark.parametrize("far", [0.0, 1e4])
def test_it_is_the_definition_pair_by_pair(monkeypatch, far):
    monkeypatch.setattr(module, "CHUNK", 7)
    generated, real = cluster(40, far, 0, width=2), cluster(30, far + 1, 1, width=2)

    def among(some: torch.Tensor, others: torch.Tensor) -> float:
        apart = (others[:, None] - others[None]).norm(dim=2).sort(dim=1).values[:, 3]
        return ((some[:, None] - others[None]).norm(dim=2) <= apart).any(dim=1).double().mean().item()

    a, b = generated.double(), real.double()
    assert precision_recall(generated, real) == (among(a, b), among(b, a))


def test_a_generator_that_has_collapsed_onto_a_real_image_is_precise_about_it():
    real = 1000 + cluster(50, 0)
    found = precision_recall(real[:1].repeat(50, 1), real)
    assert found == (1, 1 / 50)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="more than k >= 1 vectors, got 3 and 9 with k = 3"):
        precision_recall(torch.zeros(3, 2), torch.zeros(9, 2))
    with pytest.raises(ValueError, match="NaN"):
        precision_recall(torch.full((5, 2), torch.nan), torch.zeros(5, 2))
