import math

import pytest
import torch

from orojar_finetune import discover
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery.random import random_basis
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.measures import held_out
from orojar_finetune.measures.activity import image_variance, squared_change, squared_changes
from orojar_finetune.measures.orthogonality import orthogonality, squared_cosines
from orojar_finetune.runtime.processes import Processes
from separable import Separable


def test_orthogonality_is_the_mean_squared_cosine_of_pairs():
    J = torch.tensor([[1.0, 0.0, 1.0], [0.0, 2.0, 2.0]])  # columns at 90, 45 and 45 degrees
    assert orthogonality((J.T @ J)[None]) == pytest.approx((0 + 0.5 + 0.5) / 3)


def test_orthogonality_does_not_change_with_the_lengths_of_directions():
    J = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    scaled = J * torch.tensor([1.0, 10.0, 0.1])
    assert orthogonality((J.T @ J)[None]) == pytest.approx(orthogonality((scaled.T @ scaled)[None]), rel=1e-5)


def test_equal_directions_have_orthogonality_one_and_one_direction_has_none():
    assert orthogonality(torch.ones(2, 3, 3)) == pytest.approx(1)
    assert orthogonality(torch.ones(2, 1, 1)) == 0


def test_directions_without_effect_do_not_divide_by_zero():
    assert orthogonality(torch.zeros(2, 3, 3)) == 0


def test_orthogonality_is_the_mean_of_each_latents_own():
    J = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0))
    grams = J.mT @ J
    found = squared_cosines(grams)
    assert found.tolist() == pytest.approx([orthogonality(gram[None]) for gram in grams])
    assert orthogonality(grams) == pytest.approx(found.mean().item())
    assert squared_cosines(torch.ones(2, 1, 1)).tolist() == [0, 0]


def test_activity_of_one_sigma_is_that_of_sines():
    space = LatentSpace(Separable(), "z")
    at_zero = Anchors(torch.zeros(1, 6), None)
    changes = squared_change(space, at_zero, space.generator.q.detach(), batch_size=4)
    torch.testing.assert_close(changes, torch.full((6,), math.sin(1) ** 2))


def test_changes_at_several_latents_are_those_at_each():
    space = LatentSpace(Separable(), "z")
    anchors, steps = space.sample(4, torch.Generator().manual_seed(0)), space.generator.q.detach()[:3]
    found = squared_changes(space, anchors, steps, batch_size=4)
    start = anchors.latents @ steps.T
    changes = [(torch.sin(start + s) - torch.sin(start)).square() for s in (1, -1)]
    torch.testing.assert_close(found, (changes[0] + changes[1]) / 2)


def test_scores_are_the_means_of_those_at_each_latent():
    space = LatentSpace(Separable(), "z")
    anchors, processes = space.sample(5, torch.Generator().manual_seed(0)), Processes(progress=False)
    steps = random_basis(3, 6, seed=4)
    found = held_out.scores_by_latent(space, anchors, steps, processes)
    scores = held_out.scores(space, anchors, steps, processes)
    assert found.squared_cosines.shape == (5,) and found.activities.shape == (5, 3)
    assert scores.orthogonality == pytest.approx(found.squared_cosines.mean().item())
    torch.testing.assert_close(scores.activities, found.activities.mean(dim=0))
    changes = squared_changes(space, anchors, steps, batch_size=8) / image_variance(space, anchors, batch_size=8)
    torch.testing.assert_close(found.activities, changes)


def test_image_variance_adds_up_over_pixels():
    space = LatentSpace(Separable(), "z")
    anchors = space.sample(20_000, torch.Generator().manual_seed(0))
    per_pixel = (1 - math.exp(-2)) / 2  # the variance of the sine of a standard normal
    assert image_variance(space, anchors, batch_size=7000) == pytest.approx(6 * per_pixel, rel=0.02)


def test_activities_of_a_whole_separable_basis_are_equal_shares():
    found = discover(Separable(), DiscoverConfig(count=6, latents=64, held_out=512), progress=False)
    assert max(found.activity) < 1.3 * min(found.activity)
    assert found.scores["activity"] == pytest.approx(sum(found.activity) / 6)
