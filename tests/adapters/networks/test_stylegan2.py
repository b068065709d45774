import torch

from orojar_adapters.networks.stylegan2 import StyleGAN2
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
