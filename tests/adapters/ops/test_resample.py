"""Every resampler against the dense convolution that it stands for, written out as in the papers."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters.ops.resample import (
    binomial_blur,
    blur,
    conv_downsample,
    conv_upsample,
    conv_upsample_nearest,
    upsample,
)

FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double() / 64


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def filtered(x: Tensor, before: int, after: int) -> Tensor:
    """`x` padded and convolved with the 4 x 4 filter by a loop over its taps."""
    x = F.pad(x, (before, after, before, after))
    height, width = x.shape[2] - 3, x.shape[3] - 3
    return sum(FIR[i, j] * x[:, :, i : i + height, j : j + width] for i in range(4) for j in range(4))


def with_zeros_between(x: Tensor) -> Tensor:
    """Each pixel followed by a zero, in both axes."""
    wide = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    wide[:, :, ::2, ::2] = x
    return wide


@pytest.mark.parametrize(("padding", "stride"), [(0, 1), (1, 1), (2, 1), (1, 2)])
def test_blur_is_the_dense_filter(padding, stride):
    x = random(2, 3, 8, 6)
    expected = 4 * filtered(x, padding, padding)[:, :, ::stride, ::stride]
    torch.testing.assert_close(blur(x, padding, gain=4, stride=stride), expected)


def test_blur_keeps_a_constant_image():
    assert blur(torch.ones(1, 1, 6, 6), padding=0).sub(1).abs().max() < 1e-6


def test_upsample_is_zeros_between_the_pixels_then_the_filter():
    x = random(2, 3, 4, 6)
    torch.testing.assert_close(upsample(x), 4 * filtered(with_zeros_between(x), 2, 1))


def test_conv_upsample_is_zeros_between_then_the_convolution_then_the_filter():
    x, weight = random(2, 3, 4, 6), random(5, 3, 3, 3, seed=1)
    zeros_between = with_zeros_between(x)[:, :, :-1, :-1]
    spread = F.conv2d(zeros_between, weight.flip(2, 3), padding=2)  # a transposed convolution turns its kernel round
    torch.testing.assert_close(conv_upsample(x, weight), 4 * filtered(spread, 1, 1))


@pytest.mark.parametrize("kernel", [1, 3])
def test_conv_downsample_is_the_filter_then_every_second_value_of_the_convolution(kernel):
    x, weight = random(2, 3, 8, 6), random(5, 3, kernel, kernel, seed=1)
    padding = (kernel + 1) // 2
    expected = F.conv2d(filtered(x, padding, padding), weight)[:, :, ::2, ::2]
    torch.testing.assert_close(conv_downsample(x, weight), expected)
    assert conv_downsample(x, weight).shape == (2, 5, 4, 3)


@pytest.mark.parametrize("up", [upsample, lambda x: conv_upsample(x, random(2, 2, 3, 3))], ids=["upsample", "conv"])
def test_resampling_is_differentiable_twice(up):
    x = random(1, 2, 4, 4).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: up(x).pow(3).mean(dim=(2, 3)), x)


def test_conv_upsample_nearest_is_repeating_then_convolving():
    x, weight = random(2, 3, 5, 4), random(6, 3, 3, 3, seed=1)
    wanted = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
    torch.testing.assert_close(conv_upsample_nearest(x, weight), wanted)


def test_conv_upsample_nearest_is_the_original_codes_transposed_convolution_with_a_smeared_kernel():
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
