import pytest
import torch

from orojar_finetune.latents.gram import gram_matrix
from orojar_finetune.latents.latent_space import LatentSpace
from tiny import tiny_stylegan2


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def exact(space: LatentSpace, directions: torch.Tensor, layer: int | None = None) -> torch.Tensor:
    """Gram matrices of the Jacobian by reverse-mode differentiation."""
    latents = space.sample(3, rng())

    def changed(row: slice):
        def outputs(coefficients: torch.Tensor) -> torch.Tensor:
            moves = space.moves(coefficients[None] @ directions)
            found = space.outputs(latents[row], moves, () if layer is None else (layer,))
            return found[0 if layer is None else 1].flatten()

        return torch.autograd.functional.jacobian(outputs, torch.zeros(len(directions), dtype=torch.float64))

    J = torch.stack([changed(slice(i, i + 1)) for i in range(3)])
    return J.mT @ J


@pytest.mark.parametrize("space", ["z", "w"])
def test_central_differences_give_the_exact_jacobian(space):
    space = LatentSpace(tiny_stylegan2().double(), space)
    directions = torch.randn(4, 8, generator=rng(), dtype=torch.float64)
    latents, moves = space.sample(3, rng()), space.moves(directions)
    found = torch.stack([gram_matrix(space, latents[i : i + 1], moves, 1e-7, batch_size=3) for i in range(3)])
    torch.testing.assert_close(found, exact(space, directions), rtol=1e-4, atol=1e-6)


def test_activations_weigh_as_much_as_the_image():
    space = LatentSpace(tiny_stylegan2().double(), "w")
    directions = torch.randn(3, 8, generator=rng(), dtype=torch.float64)
    latents, moves = space.sample(3, rng()), space.moves(directions)
    found = torch.stack([gram_matrix(space, latents[i : i + 1], moves, 1e-7, 64, activations=(1,)) for i in range(3)])
    parts = [exact(space, directions), exact(space, directions, layer=1)]
    expected = sum(g / g.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None] for g in parts) / 2
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_a_layer_range_moves_those_layers_alone():
    space = LatentSpace(tiny_stylegan2(), "w", (1, 3))
    moves = space.moves(torch.ones(2, 8))
    assert torch.equal(moves.abs().sum(dim=(0, 2)) > 0, torch.tensor([False, True, True, False, False, False]))


def test_labels_follow_their_latents():
    space = LatentSpace(tiny_stylegan2(num_classes=3), "z")
    latents = space.sample(2, rng())
    images = space.outputs(latents, torch.zeros(6, 8))[0]
    assert latents.labels is not None
    torch.testing.assert_close(images[:2], space.generator(latents.values, latents.labels))
    torch.testing.assert_close(images[2:4], images[:2])


def test_covariance_of_w_is_that_of_its_samples():
    space = LatentSpace(tiny_stylegan2(), "w")
    w = space.sample(50_000, torch.Generator().manual_seed(5)).values[:, 0]
    torch.testing.assert_close(space.covariance(rng()), torch.cov(w.T), rtol=0.1, atol=0.02)
    assert torch.equal(LatentSpace(tiny_stylegan2(), "z").covariance(rng()), torch.eye(8))
