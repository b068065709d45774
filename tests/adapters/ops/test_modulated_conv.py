"""The modulated convolution against one kernel per sample (StyleGAN2, equations 1 and 3)."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters.ops.modulated_conv import modulated_conv
from orojar_adapters.ops.resample import conv_upsample


def per_sample(x: Tensor, weight: Tensor, styles: Tensor, demodulate: bool, up: bool) -> Tensor:
    images = []
    for image, style in zip(x, styles, strict=True):
        kernel = weight * style.view(1, -1, 1, 1)  # equation 1
        if demodulate:
            kernel = torch.stack([filter / (filter.square().sum() + 1e-8).sqrt() for filter in kernel])  # equation 3
        conv = conv_upsample(image[None], kernel) if up else F.conv2d(image[None], kernel, padding=kernel.shape[-1] // 2)
        images.append(conv[0])
    return torch.stack(images)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize(("kernel", "up"), [(1, False), (3, False), (3, True)])
def test_scaling_input_and_output_equals_one_kernel_per_sample(kernel, demodulate, up):
    rng = torch.Generator().manual_seed(0)
    x, styles = torch.randn(3, 4, 5, 5, generator=rng).double(), torch.randn(3, 4, generator=rng).double()
    weight = torch.randn(6, 4, kernel, kernel, generator=rng).double()
    found = modulated_conv(x, weight, styles, demodulate=demodulate, up=up)
    torch.testing.assert_close(found, per_sample(x, weight, styles, demodulate, up))


def test_demodulation_makes_the_scale_of_a_style_irrelevant():
    rng = torch.Generator().manual_seed(0)
    x, weight = torch.randn(2, 4, 5, 5, generator=rng), torch.randn(6, 4, 3, 3, generator=rng)
    styles = torch.rand(2, 4, generator=rng) + 0.5
    torch.testing.assert_close(modulated_conv(x, weight, styles), modulated_conv(x, weight, 10 * styles))
    assert not torch.allclose(modulated_conv(x, weight, styles, False), modulated_conv(x, weight, 10 * styles, False))


@pytest.mark.parametrize("size", [1.0, 6.0, 30.0])
def test_large_styles_are_not_lost_in_half_precision(size):
    """Of 512 channels the sum of squares overflows float16, and divided by infinity everything is 0."""
    rng = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 512, 4, 4, generator=rng), torch.randn(64, 512, 3, 3, generator=rng)
    styles = size * torch.randn(1, 512, generator=rng)
    wanted = modulated_conv(x, weight, styles)
    with torch.autocast("cpu", dtype=torch.float16):
        found = modulated_conv(x.half(), weight, styles.half())
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), wanted, atol=0.02, rtol=0.02)
