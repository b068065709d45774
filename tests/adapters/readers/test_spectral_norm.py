import pytest
import torch
from torch import nn

from orojar_adapters.readers.spectral_norm import divided_by_estimate, divided_by_stored


def test_the_estimate_is_one_power_step_from_the_stored_vector():
    weight = torch.diag(torch.tensor([3.0, 1.0]))
    assert torch.allclose(divided_by_estimate(weight, torch.tensor([[1.0, 0.0]])), weight / 3)
    # v = (3, 1) / √10 and W v = (9, 1) / √10, whose length is the estimate
    assert torch.allclose(divided_by_estimate(weight, torch.tensor([[1.0, 1.0]])), weight / (82 / 10) ** 0.5)


def test_a_convolution_is_a_matrix_of_one_row_an_output():
    weight = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    largest = torch.linalg.matrix_norm(weight.flatten(1), ord=2)
    left = torch.linalg.svd(weight.flatten(1)).U[:, :1].T
    torch.testing.assert_close(divided_by_estimate(weight, left), weight / largest)


@pytest.mark.parametrize("layer", [nn.Linear(5, 4), nn.Conv2d(2, 4, 3)], ids=["linear", "convolution"])
def test_stored_vectors_give_what_torch_gives_in_evaluation(layer):
    layer = nn.utils.spectral_norm(layer, n_power_iterations=2).eval()
    x = torch.ones(1, 5) if isinstance(layer, nn.Linear) else torch.ones(1, 2, 3, 3)
    layer(x)  # sets the weight
    state = layer.state_dict()
    found = divided_by_stored(state["weight_orig"], state["weight_u"], state["weight_v"])
    torch.testing.assert_close(found, layer.weight)
