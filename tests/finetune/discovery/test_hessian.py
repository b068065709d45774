import torch

from linear_features import LinearFeatures
from orojar_finetune import DescentConfig, DiscoverConfig, discover, penalty
from orojar_finetune.discovery.random import random_basis
from separable import Separable

DESCENT = DescentConfig(steps=400, learning_rate=0.03, batch_size=32, patience=0)


def test_the_axes_of_a_rotated_diagonal_hessian_are_found():
    """Pixel j is sin(z . q_j): its Hessian is a multiple of q_j q_j', diagonal along Q alone."""
    generator = Separable()
    found = discover(generator, DiscoverConfig(method="hessian", count=6, held_out=16, descent=DESCENT), progress=False)
    match = (found.basis @ generator.q.detach().T).abs()
    assert match.max(dim=1).values.min() > 0.98
    assert found.scores["orthogonality"] < 0.01


def test_the_options_of_descent_reach_the_penalty(monkeypatch):
    seen = []
    real = penalty.hessian_penalty

    def spy(generate, latents, **options):
        seen.append((latents.clone(), {k: v for k, v in options.items() if k != "signs"}))
        return real(generate, latents, **options)

    monkeypatch.setattr(penalty, "hessian_penalty", spy)
    descent = DescentConfig(steps=1, batch_size=5, probes=3, epsilon=0.2, scale_free=False)
    discover(Separable(), DiscoverConfig(method="hessian", count=4, held_out=4, descent=descent), progress=False)
    latents, options = seen[0]
    assert not latents.any() and latents.shape == (5, 4)
    assert options == {"probes": 3, "epsilon": 0.2, "scale_free": False}


def test_a_generator_without_curvature_leaves_the_start_as_it_is():
    config = DiscoverConfig(method="hessian", count=3, held_out=4, descent=DescentConfig(steps=100, scale_free=False))
    found = discover(LinearFeatures([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), config, progress=False)
    match = (found.basis @ random_basis(3, 6, seed=0).T).abs().max(dim=1).values
    torch.testing.assert_close(match, torch.ones(3), atol=1e-4, rtol=0)
