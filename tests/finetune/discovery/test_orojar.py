"""Descent on penalties: OroJaR and the Hessian Penalty, each in its authors' form and scale-free."""

import pytest
import torch

from linear_features import LinearFeatures
from orojar_finetune import discover, load_generator, penalty
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.scenes import BUNDLED
from separable import Separable

LONG = {"steps": 400, "learning_rate": 0.03, "latents": 32, "patience": 0}
METHODS = ["orojar", "orojar-scale-free", "hessian", "hessian-scale-free"]


@pytest.mark.parametrize("method", METHODS)
def test_the_axes_of_a_separable_generator_are_found(method):
    """Pixel j is sin(z . q_j): its Hessian is a multiple of q_j q_j', and the Jacobian's columns along Q are orthogonal."""
    generator = Separable()
    found = discover(generator, method=method, count=6, **LONG, progress=False)
    match = (found.basis @ generator.q.detach().T).abs()
    assert match.max(dim=1).values.min() > 0.98
    assert found.scores["off_diagonal_cos2"] < 0.01


@pytest.fixture
def calls(monkeypatch):
    """What the penalties are called with."""
    seen = []
    for name in ("orojar", "hessian_penalty"):
        real = getattr(penalty, name)

        def spy(generate, latents, name=name, real=real, **options):
            seen.append((name, latents.clone(), {k: v for k, v in options.items() if k != "signs"}))
            return real(generate, latents, **options)

        monkeypatch.setattr(penalty, name, spy)
    return seen


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_its_penalty_in_its_form(method, calls):
    discover(Separable(), method=method, count=4, steps=1, latents=5, probes=3, epsilon=0.2, progress=False)
    name, latents, options = calls[0]
    assert name == ("orojar" if method.startswith("orojar") else "hessian_penalty")
    assert options == {"probes": 3, "epsilon": 0.2, "scale_free": method.endswith("scale-free")}
    assert latents.shape == (5, 4)
    assert latents.any() == (method == "hessian")  # the others are taken where no direction has moved the latent


def test_the_authors_hessian_is_taken_at_a_random_distance_along_one_direction(calls):
    discover(Separable(), method="hessian", count=4, steps=4, latents=100, path_size=3.0, progress=False)
    rows = torch.cat([latents for _, latents, _ in calls])
    assert ((rows != 0).sum(dim=1) == 1).all()
    assert rows.any(dim=0).all()
    distances = rows.sum(dim=1)
    assert distances.abs().max() <= 3 and distances.min() < -2.8 and distances.max() > 2.8
    assert distances.var().item() == pytest.approx(3.0, rel=0.2)  # uniform from -3 to 3
    calls.clear()
    discover(Separable(), method="hessian", count=4, steps=1, path_size=0.0, progress=False)
    assert not calls[0][1].any()


def test_a_generator_without_curvature_leaves_the_start_as_it_is():
    found = discover(LinearFeatures([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), method="hessian", count=3, steps=100, progress=False)
    match = (found.basis @ random_basis(3, 6, seed=0).T).abs().max(dim=1).values
    torch.testing.assert_close(match, torch.ones(3), atol=1e-4, rtol=0)


def test_the_papers_form_drifts_to_directions_that_do_nothing_and_the_scale_free_form_does_not():
    """With fewer directions than dimensions, shrinking JᵀJ is the cheap way to lower the paper's loss."""
    generator, activity = load_generator(BUNDLED), {}
    options = {"steps": 120, "learning_rate": 0.02, "latents": 8, "patience": 0}
    for method in ("orojar", "orojar-scale-free"):
        activity[method] = discover(generator, method=method, count=4, **options, progress=False).scores["activity"]
    assert activity["orojar"] < 0.3 * activity["orojar-scale-free"]
