import pytest
import torch

from orojar_adapters.networks.stylegan import StyleGAN, adaptive_instance_norm
from tiny import tiny_stylegan


def test_a_style_is_the_mean_and_the_deviation_of_its_feature_map():
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 5 + 3
    scale, bias = torch.tensor([[1.0, 2, 0.5]] * 2), torch.tensor([[0.0, -1, 4]] * 2)
    found = adaptive_instance_norm(x, scale, bias)
    torch.testing.assert_close(found.mean(dim=(2, 3)), bias, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.std(dim=(2, 3), unbiased=False), scale, rtol=1e-4, atol=1e-4)


def test_a_fresh_layer_has_neutral_styles_and_no_noise():
    generator = StyleGAN(8, [4, 4], 4, 4, mapping_depth=1)
    for layer in generator.synthesis.layers:
        assert layer.affine.bias.tolist() == [1] * 4 + [0] * 4
        assert not layer.noise_strength.any()


def test_layers_are_two_a_resolution_the_first_a_constant():
    names = [(layer.name, layer.resolution) for layer in tiny_stylegan().layers]
    assert names == [
        ("4x4 const", 4),
        ("4x4 conv", 4),
        ("8x8 up conv", 8),
        ("8x8 conv", 8),
        ("16x16 up conv", 16),
        ("16x16 conv", 16),
    ]


def test_constant_noise_is_the_noise_of_the_checkpoint():
    generator = tiny_stylegan()
    ws = generator.map(generator.sample_latents(1, torch.Generator().manual_seed(0)))
    silent = generator.synthesize(ws, "none")
    for layer in generator.synthesis.layers:
        layer.noise_const.zero_()
    assert torch.equal(generator.synthesize(ws, "const"), silent)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_recentering_sets_truncation_to_the_mean_of_w(num_classes):
    generator = tiny_stylegan(num_classes)
    generator.recenter(4000, torch.Generator().manual_seed(0))
    rng = torch.Generator().manual_seed(1)
    w = generator.map(generator.sample_latents(4000, rng), generator.sample_labels(4000, rng))[:, 0]
    assert (generator.mapping.w_avg - w.mean(0)).abs().max() < 0.1 * w.std()


def test_classes_enter_beside_z_and_move_w():
    generator = tiny_stylegan(num_classes=3)
    z = generator.sample_latents(1, torch.Generator().manual_seed(0)).expand(3, -1)
    ws = generator.map(z, torch.arange(3))
    assert (ws[0] - ws[1]).abs().max() > 1e-3
    assert generator.tunable["mapping"] == ("embed", "mapping")
    assert tiny_stylegan().tunable["mapping"] == ("mapping",)


def test_affine_layers_are_those_that_w_meets_first():
    generator = tiny_stylegan()
    names = generator.tunable["affine"]
    assert len(names) == len(generator.layers)
    for name, matrix in zip(names, generator.modulation_weights(), strict=True):
        assert torch.equal(generator.get_submodule(name).weight, matrix)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"resolution": 24}, "power of two from 8"),
        ({"channels": [8, 8]}, "one entry for each of"),
        ({"channels": [8, 8, 10**9]}, "channels must be a whole number"),
        ({"mapping_depth": 10**9}, "mapping_depth"),
        ({"mapping_lr_multiplier": 0.0}, "mapping_lr_multiplier must be"),
    ],
)
def test_sizes_that_no_stylegan_has_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        StyleGAN(**{"resolution": 16, "channels": [8, 8, 8]} | sizes)
