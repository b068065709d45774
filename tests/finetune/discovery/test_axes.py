import pytest
import torch

from linear_features import LinearFeatures
from orojar_finetune import DiscoverConfig, discover
from tiny import tiny_stylegan2


@pytest.mark.parametrize("num_classes", [0, 3])
def test_the_most_active_coordinates_are_chosen(num_classes):
    generator = LinearFeatures([1.0, 7.0, 2.0, 5.0, 3.0, 4.0], num_classes, mixed=False)
    found = discover(generator, DiscoverConfig(method="axes", count=3, latents=4, held_out=8), progress=False)
    assert torch.equal(found.basis, torch.eye(6)[[1, 3, 5]])
    activity = torch.tensor(found.activity)
    torch.testing.assert_close(activity / activity[0], torch.tensor([49.0, 25.0, 16.0]) / 49, rtol=1e-4, atol=0)


def test_axes_of_w_count_by_their_spread():
    """A coordinate that hardly varies is not active, however strongly the image would follow it."""
    generator = tiny_stylegan2()
    config = DiscoverConfig(method="axes", count=8, latents=16, held_out=8)
    order = discover(generator, config, progress=False).basis.argmax(dim=1).tolist()
    last = generator.mapping.fc1
    with torch.no_grad():
        last.weight[order[0]] *= 1e-3
        last.bias[order[0]] *= 1e-3
    assert discover(generator, config, progress=False).basis.argmax(dim=1).tolist()[-1] == order[0]
