import math

import torch

from orojar_adapters.ops.activation import biased_lrelu, normalize_second_moment


def test_lrelu_keeps_the_positive_and_a_fifth_of_the_negative():
    x = torch.tensor([[1.0, -1.0]])
    torch.testing.assert_close(biased_lrelu(x, torch.tensor([1.0, -1.0]), gain=3), torch.tensor([[6.0, -1.2]]))


def test_the_clamp_comes_after_the_gain():
    x = torch.tensor([[5.0, -100.0]])
    torch.testing.assert_close(biased_lrelu(x, torch.zeros(2), gain=1, clamp=4), torch.tensor([[4.0, -4.0]]))


def test_a_normalized_row_has_a_mean_square_of_one():
    x = normalize_second_moment(torch.tensor([[3.0, 4.0], [0.0, 2.0]]))
    torch.testing.assert_close(x, torch.tensor([[3 / math.sqrt(12.5), 4 / math.sqrt(12.5)], [0.0, math.sqrt(2)]]))


def test_every_normalized_pixel_has_a_mean_square_of_one():
    x = normalize_second_moment(torch.randn(2, 5, 3, 3, generator=torch.Generator().manual_seed(0)) * 7)
    torch.testing.assert_close(x.square().mean(dim=1), torch.ones(2, 3, 3))
