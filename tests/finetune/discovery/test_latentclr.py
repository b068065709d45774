import math

import pytest
import torch

from orojar_finetune import discover
from orojar_finetune.discovery import latentclr
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.latents.latent_space import LatentSpace
from separable import Separable
from tiny import tiny_stylegan2


def test_changes_that_differ_between_directions_alone_cost_what_the_formula_says():
    """Two latents, three directions, each with a change of its own: one positive of cosine 1, four negatives of cosine 0."""
    changes = torch.eye(3).expand(2, 3, 3)
    assert latentclr.contrast(changes, 0.5).item() == pytest.approx(math.log(1 + 4 * math.exp(-2)))
    signs = torch.tensor([1.0, -1.0])[:, None, None]
    assert latentclr.contrast(signs * changes, 0.5).item() == pytest.approx(math.log(1 + 4 * math.exp(-2)))


def test_directions_that_all_do_the_same_cost_the_odds_of_a_guess():
    changes = torch.eye(3)[0].expand(4, 5, 3)
    assert latentclr.contrast(changes, 0.1).item() == pytest.approx(math.log(19 / 3))


def test_the_planted_directions_of_a_toy_are_found():
    """Each planted direction moves a pixel of its own, by an amount and with a sign that the latent decides."""
    generator = Separable()
    options = {"steps": 300, "learning_rate": 0.03, "patience": 0}
    found = discover(generator, method="latentclr", count=6, **options, progress=False)
    match = (found.basis @ generator.q.detach().T).abs()
    assert match.max(dim=1).values.min() > 0.98


def test_changes_are_differences_of_length_1_and_layers_weigh_the_same():
    space = LatentSpace(tiny_stylegan2(num_classes=2), "w", layers=(1, 5))
    latents = space.sample(3, torch.Generator().manual_seed(0))
    steps = 2 * random_basis(4, 8, seed=0)
    found = latentclr.changes(space, latents, steps, (2, 4), batch_size=64)
    assert found.shape[:2] == (3, 4)
    for i in range(3):
        row = latents[i : i + 1]
        before, after = (space.outputs(row, space.moves(rows), (2, 4))[1:] for rows in (torch.zeros(1, 8), steps))
        parts = [torch.nn.functional.normalize((a - b).flatten(1)) / 2**0.5 for a, b in zip(after, before, strict=True)]
        torch.testing.assert_close(found[i], torch.cat(parts, dim=1), atol=1e-5, rtol=1e-4)


def test_the_batch_size_of_images_changes_neither_loss_nor_gradient():
    space = LatentSpace(tiny_stylegan2(), "w")
    latents = space.sample(3, torch.Generator().manual_seed(0))
    results = []
    for batch_size in (1, 7, 64):
        steps = random_basis(4, 8, seed=0).requires_grad_()
        loss = latentclr.contrast(latentclr.changes(space, latents, steps, (3,), batch_size), 0.5)
        results.append((loss.detach(), torch.autograd.grad(loss, steps)[0]))
    assert results[2][1].norm() > 1e-3
    for loss, gradient in results[:2]:
        torch.testing.assert_close(loss, results[2][0])
        torch.testing.assert_close(gradient, results[2][1], atol=1e-5, rtol=1e-3)


def test_the_middle_one_of_the_moved_feature_layers_is_taken_unless_layers_are_named(monkeypatch):
    seen = []
    real = latentclr.changes

    def spy(space, latents, steps, layers, batch_size):
        seen.append((layers, steps.norm(dim=1).mean().item()))
        return real(space, latents, steps, layers, batch_size)

    monkeypatch.setattr(latentclr, "changes", spy)
    options = {"method": "latentclr", "count": 2, "steps": 1, "latents": 2, "shift": 3.0, "progress": False}
    discover(tiny_stylegan2(), **options, space="z")
    discover(tiny_stylegan2(), **options, space="z", activations=(1, 5))
    discover(tiny_stylegan2(), **options, space="w", layers=(4, 6))
    assert [layers for layers, _ in seen] == [(3,), (1, 5), (5,)]
    assert seen[0][1] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 1}, "count must be at least 2, got 1"),
        ({"latents": 1}, "latents must be greater than or equal to 2, got 1"),
        ({"activations": (0,), "layers": (2, 4)}, r"of \(2, 3, 4, 5\), got \(0,\)"),
    ],
)
def test_nothing_to_compare_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        discover(tiny_stylegan2(), method="latentclr", progress=False, **{"count": 3, **options})
