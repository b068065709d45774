import pytest
import torch

from linear_features import LinearFeatures
from orojar_finetune import DiscoverConfig, discover
from orojar_finetune.discovery import jacobian
from orojar_finetune.latents.latent_space import LatentSpace
from tiny import tiny_stylegan2

CONFIG = DiscoverConfig(method="jacobian", count=4, method_options={"latents": 8})


@pytest.mark.parametrize("exact_size", [128, 2])
@pytest.mark.parametrize("num_classes", [0, 3])
def test_of_a_linear_generator_they_are_the_right_singular_vectors(exact_size, num_classes, monkeypatch):
    monkeypatch.setattr(jacobian, "EXACT_SIZE", exact_size)
    generator = LinearFeatures([1.0, 7.0, 2.0, 5.0, 3.0, 4.0], num_classes)
    found = discover(generator, CONFIG, progress=False)
    _, _, vh = torch.linalg.svd(generator.a.detach())
    torch.testing.assert_close((found.basis @ vh.T).abs(), torch.eye(4, 6), atol=1e-3, rtol=0)


def test_they_are_the_eigenvectors_of_the_mean_of_exact_gram_matrices():
    generator = tiny_stylegan2()
    config = DiscoverConfig(method="jacobian", count=4, method_options={"latents": 2, "epsilon": 0.01})
    found = discover(generator, config, progress=False)
    space = LatentSpace(generator, "w")
    latents, _ = jacobian.sampled(space, config)
    grams = []
    for i in range(2):
        row = latents[i : i + 1]
        J = torch.autograd.functional.jacobian(
            lambda step, row=row: space.outputs(row, space.moves(step[None]))[0].flatten(), torch.zeros(8)
        )
        grams.append(J.T @ J)
    _, vectors = torch.linalg.eigh(torch.stack(grams).mean(dim=0))
    match = (found.basis @ vectors.flip(1)[:, :4]).abs()
    torch.testing.assert_close(match.max(dim=1).values, torch.ones(4), atol=1e-3, rtol=0)


def test_activations_turn_the_directions():
    generator = tiny_stylegan2()
    plain, with_activations = (discover(generator, CONFIG, activations=a, progress=False).basis for a in ((), (0,)))
    assert (plain @ with_activations.T).abs().max(dim=1).values.min() < 0.99
