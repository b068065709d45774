"""Doubling by repeated pixels, against the repetition itself and against the transposed convolution of the original code."""

import torch
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters.ops.nearest import binomial_blur, conv_upsample_nearest


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_both_in_one_equals_repeating_then_convolving():
    x, weight = random(2, 3, 5, 4), random(6, 3, 3, 3, seed=1)
    wanted = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
    torch.testing.assert_close(conv_upsample_nearest(x, weight), wanted)


def test_it_is_a_transposed_convolution_with_the_turned_kernel_smeared_over_two_taps():
    x, weight = random(2, 3, 5, 4), random(6, 3, 3, 3, seed=1)
    smeared = torch.zeros(6, 3, 4, 4, dtype=torch.float64)
    for down in (0, 1):
        for right in (0, 1):
            smeared[:, :, down : down + 3, right : right + 3] += weight
    wanted = F.conv_transpose2d(x, smeared.transpose(0, 1), stride=2, padding=1)
    torch.testing.assert_close(conv_upsample_nearest(x, weight.flip(2, 3)), wanted)


def test_the_blur_is_a_convolution_with_the_binomial_of_two():
    x = random(2, 3, 5, 4)
    taps = torch.tensor([1.0, 2, 1], dtype=torch.float64) / 4
    wanted = F.conv2d(x, torch.outer(taps, taps).expand(3, 1, 3, 3), padding=1, groups=3)
    torch.testing.assert_close(binomial_blur(x), wanted)
