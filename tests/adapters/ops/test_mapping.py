import math

import torch

from orojar_adapters.ops.linear import EqualizedLinear
from orojar_adapters.ops.mapping import Mapping


def test_an_equalized_layer_scales_its_weight_by_the_square_root_of_its_width():
    layer = EqualizedLinear(4, 1, lr_multiplier=0.5)
    torch.nn.init.constant_(layer.weight, 2.0)
    torch.nn.init.constant_(layer.bias, 3.0)
    assert layer(torch.ones(1, 4)).item() == 4 * 2 * 0.5 / math.sqrt(4) + 3 * 0.5


def test_fresh_layers_keep_the_variance_at_any_width_and_speed():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = EqualizedLinear(256, 256, lr_multiplier=0.01)
        assert abs(layer(torch.randn(64, 256)).var().item() - 1) < 0.1


def test_the_length_of_z_does_not_matter():
    mapping = Mapping(8, 0, 4, 2, 6, 0.01)
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mapping(z, None), mapping(7 * z, None), rtol=1e-4, atol=1e-5)


def test_widths_lead_from_latent_and_label_to_w():
    mapping = Mapping(8, 3, 4, 3, 6, 0.01)
    assert [getattr(mapping, f"fc{i}").weight.shape for i in range(3)] == [(6, 12), (6, 6), (4, 6)]


def test_a_mapping_of_labels_alone_keeps_no_average():
    mapping = Mapping(0, 3, 4, 2, 4, 0.01)
    assert not hasattr(mapping, "w_avg")
    assert mapping(None, torch.eye(3)).shape == (3, 4)
