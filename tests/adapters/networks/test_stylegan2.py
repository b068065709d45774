import inspect

import pytest
import torch

from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_sizes import check_positive, check_sizes
from tiny import tiny_stylegan2


def test_constant_noise_is_the_noise_of_the_checkpoint():
    generator = tiny_stylegan2()
    ws = generator.map(generator.sample_latents(1, torch.Generator().manual_seed(0)))
    silent = generator.synthesize(ws, "none")
    for layer in (conv for block in generator.synthesis.blocks() for conv in block.children() if hasattr(conv, "noise_const")):
        layer.noise_const.zero_()
    assert torch.equal(generator.synthesize(ws, "const"), silent)


def test_layers_are_two_a_resolution_and_the_last_to_rgb():
    names = [(layer.name, layer.resolution) for layer in tiny_stylegan2().layers]
    assert names == [
        ("4x4 conv", 4),
        ("8x8 up conv", 8),
        ("8x8 conv", 8),
        ("16x16 up conv", 16),
        ("16x16 conv", 16),
        ("to RGB", 16),
    ]


def test_the_activation_of_the_last_layer_is_the_image():
    generator = tiny_stylegan2()
    ws = generator.map(generator.sample_latents(1, torch.Generator().manual_seed(0)))
    image, (last,) = generator.synthesize_with_activations(ws, [5])
    assert torch.equal(image, last)


def test_the_clamp_limits_activations():
    def made(clamp: float | None) -> StyleGAN2:
        generator = StyleGAN2(8, [4, 4], 4, 4, mapping_depth=1, conv_clamp=clamp)
        generator.synthesis.b4.const.data.mul_(1e6)
        return generator

    ws = torch.ones(1, 4, 4)
    _, [unlimited] = made(None).synthesize_with_activations(ws, [0], noise="none")
    _, [limited] = made(0.25).synthesize_with_activations(ws, [0], noise="none")
    assert limited.abs().max() == 0.25 < unlimited.abs().max()


@pytest.mark.parametrize(
    ("resolution", "channels", "sizes", "words"),
    [
        (24, [8, 8, 8], {}, "power of two from 8 to 4096, got 24"),
        (4, [8], {}, "power of two from 8"),
        (2**30, [8] * 29, {}, "got 1073741824"),
        (16.0, [8, 8, 8], {}, "got 16.0"),
        (16, [8, 8], {}, r"one entry for each of \[4, 8, 16\] pixels, got 2"),
        (16, [8, 8, 10**9], {}, "channels must be a whole number from 1 to 8192, got 1000000000"),
        (16, [8, 8, 0], {}, "channels .* got 0"),
        (16, [8, 8, 8], {"mapping_depth": 10**9}, "mapping_depth .* from 1 to 64"),
        (16, [8, 8, 8], {"latent_size": -1}, "latent_size"),
        (16, [8, 8, 8], {"num_classes": 10**7}, "num_classes .* from 0 to 100000"),
        (16, [8, 8, 8], {"w_size": 8.0}, "w_size .* got 8.0"),
    ],
)
def test_sizes_that_no_stylegan2_has_are_refused(resolution, channels, sizes, words):
    with pytest.raises(ValueError, match=words):
        inspect.unwrap(check_sizes)(resolution, channels, **sizes)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1"])
def test_settings_that_are_no_positive_number_are_refused(value):
    with pytest.raises(ValueError, match="conv_clamp must be a finite number above 0"):
        inspect.unwrap(check_positive)(conv_clamp=value)
