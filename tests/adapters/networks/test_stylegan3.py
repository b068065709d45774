"""What sets StyleGAN3 apart: pictures follow when their features turn or move, and no layer adds noise."""

import inspect
import math

import pytest
import torch
from torch import Tensor

from orojar_adapters.networks.stylegan3.generator import StyleGAN3
from tiny import tiny_stylegan3


def ws_of(generator: StyleGAN3) -> Tensor:
    return generator.map(generator.sample_latents(2, torch.Generator().manual_seed(0)))


def smooth(rotations: bool) -> StyleGAN3:
    """A 32 x 32 generator with wide margins, whose features stay in one place."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return StyleGAN3(
            32, [6] * 4, 4, 4, kernel_size=1 if rotations else 3, radial=rotations, critical_layers=1, first_cutoff=1.0
        ).requires_grad_(False)


def test_layers_are_the_input_the_convolutions_and_the_last_to_rgb():
    names = [(layer.name, layer.resolution) for layer in smooth(rotations=False).layers]
    assert names == [
        ("16x16 Fourier features", 16),
        ("16x16 conv 0", 16),
        ("16x16 conv 1", 16),
        ("32x32 up conv 2", 32),
        ("32x32 conv 3", 32),
        ("to RGB", 32),
    ]


def test_the_activation_of_the_last_layer_is_the_image():
    generator = tiny_stylegan3()
    image, (last,) = generator.synthesize_with_activations(ws_of(generator), [4])
    assert torch.equal(image, last)


@pytest.mark.parametrize("image_channels", [1, 4])
def test_images_may_be_gray_or_transparent(image_channels):
    generator = tiny_stylegan3(image_channels=image_channels)
    assert generator.synthesize(ws_of(generator)).shape == (2, image_channels, 16, 16)


def test_no_noise_is_the_noise_whatever_is_asked_for():
    generator = tiny_stylegan3()
    ws = ws_of(generator)
    assert all(torch.equal(generator.synthesize(ws), generator.synthesize(ws, noise)) for noise in ("none", "random", 3))


def test_a_quarter_turn_of_the_features_is_one_of_the_picture():
    generator = smooth(rotations=True)
    ws = ws_of(generator)
    before = generator.synthesize(ws)
    generator.synthesis.input.transform.copy_(torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]))
    turned = generator.synthesize(ws)
    assert before.std() > 0.02 and not torch.allclose(turned, before, atol=0.01)
    torch.testing.assert_close(turned, torch.rot90(before, 1, (2, 3)), atol=1e-4, rtol=1e-4)


def test_w_turns_and_moves_the_features_as_the_transform_does():
    generator = smooth(rotations=False)
    ws = ws_of(generator)
    angle, x, y = 0.4, 0.1, -0.2
    pose = generator.synthesis.input.affine.bias
    # only its direction counts: lengths are those of the first two
    pose.copy_(3 * torch.tensor([math.cos(angle), math.sin(angle), x, y]))
    by_w = generator.synthesize(ws)
    pose.copy_(torch.tensor([1.0, 0, 0, 0]))
    moved = torch.tensor([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
    cos, sin = math.cos(angle), math.sin(angle)
    turned = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    generator.synthesis.input.transform.copy_(turned @ moved)
    torch.testing.assert_close(generator.synthesize(ws), by_w, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("rotations", [False, True])
def test_moving_the_features_moves_the_picture(rotations):
    generator = smooth(rotations)
    ws = ws_of(generator)
    before = generator.synthesize(ws)
    generator.synthesis.input.transform[0, 2] = 2 / 32  # two pixels
    after = generator.synthesize(ws)
    inside = slice(6, 24)
    difference = (after[:, :, inside, inside] - before[:, :, inside, 8:26]).std()
    assert difference < 0.02 * before.std() < (after - before).std()


def test_features_that_their_samples_cannot_hold_fade_away():
    layer = smooth(rotations=False).synthesis.input
    w = torch.zeros(1, 4)
    assert layer(w).abs().max() > 0.1
    layer.transform[:2, :2] *= 1e3
    assert layer(w).abs().max() == 0


def test_the_clamp_limits_activations_and_the_image():
    def made(clamp: float | None) -> tuple[Tensor, Tensor]:
        generator = StyleGAN3(16, [6, 6, 4], 8, 8, critical_layers=1, margin=3, conv_clamp=clamp, output_scale=0.5)
        for conv in generator.synthesis.convs():
            conv.bias.data.fill_(1e3)
        image, (first,) = generator.synthesize_with_activations(torch.ones(1, 5, 8), [1])
        return image, first

    (free, free_first), (image, first) = made(None), made(2.0)
    assert first.abs().max() < 2.1 < 1e3 < free_first.abs().max()
    assert image.max() == 0.5 * 2 < free.max() / 10


def test_the_size_of_a_weight_or_of_its_styles_does_not_matter():
    generator = tiny_stylegan3().requires_grad_(False)
    ws = ws_of(generator)
    before = generator.synthesize(ws)
    conv = generator.synthesis.convs()[1]
    conv.weight *= 1e3
    conv.affine.weight *= 1e-5
    conv.affine.bias *= 1e-5
    torch.testing.assert_close(generator.synthesize(ws), before, atol=1e-4, rtol=1e-4)


def test_the_running_magnitude_of_what_comes_in_scales_it():
    generator = tiny_stylegan3().requires_grad_(False)
    last = generator.synthesis.convs()[-1]
    last.bias.zero_()
    ws = ws_of(generator)
    before = generator.synthesize(ws)
    last.magnitude_ema *= 4
    torch.testing.assert_close(generator.synthesize(ws), before / 2)


def test_recentering_takes_the_mean_of_w():
    generator = tiny_stylegan3(num_classes=3)
    generator.recenter(5000, torch.Generator().manual_seed(0))
    z = generator.sample_latents(5000, torch.Generator().manual_seed(1))
    mean = generator.map(z, generator.sample_labels(5000, torch.Generator().manual_seed(2)))[:, 0].mean(dim=0)
    torch.testing.assert_close(generator.mapping.w_avg, mean, atol=0.05, rtol=0)


def test_what_can_be_tuned_apart_is_there():
    generator = tiny_stylegan3()
    parts = generator.tunable
    assert parts["mapping"] == ("mapping",) and parts["synthesis"] == ("synthesis",)
    assert len(parts["affine"]) == len(generator.layers)
    assert all(generator.get_submodule(name).weight.shape[1] == generator.w_size for name in parts["affine"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"channels": [6]}, "channels must be 2 to 64 widths, got 1"),
        ({"channels": [6, 10**9]}, "channels must be a whole number from 1 to 16384, got 1000000000"),
        ({"kernel_size": 5}, "kernel_size must be 1 or 3, got 5"),
        ({"latent_size": 0}, "latent_size"),
        ({"w_size": 8.0}, "w_size .* got 8.0"),
        ({"num_classes": 10**7}, "num_classes .* from 0 to 100000"),
        ({"image_channels": 0}, "image_channels"),
        ({"mapping_depth": 10**9}, "mapping_depth .* from 1 to 64"),
        ({"mapping_lr_multiplier": -1.0}, "mapping_lr_multiplier must be"),
        ({"conv_clamp": 0.0}, "conv_clamp must be"),
        ({"output_scale": math.inf}, "output_scale must be"),
        ({"margin": 10**9}, "margin"),
    ],
)
def test_sizes_that_no_stylegan3_has_are_refused(settings, words):
    arguments = {"resolution": 16, "channels": [6, 6], "latent_size": 8, "w_size": 8, "critical_layers": 1} | settings
    with pytest.raises(ValueError, match=words):
        inspect.unwrap(StyleGAN3.__init__)(StyleGAN3.__new__(StyleGAN3), **arguments)
