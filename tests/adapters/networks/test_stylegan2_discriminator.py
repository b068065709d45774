import math

import pytest
import torch

from orojar_adapters.networks.stylegan2_discriminator import EqualizedConv, StyleGAN2Discriminator, minibatch_deviation


def tiny(**options) -> StyleGAN2Discriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return StyleGAN2Discriminator(resolution=16, channels=[8, 8, 4], label_size=6, mapping_depth=2, **options).eval()


def pictures(count: int, channels: int = 3) -> torch.Tensor:
    return torch.randn(count, channels, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("batch", "group", "deviations", "size"),
    [(4, 4, 1, 4), (4, 2, 2, 2), (6, 3, 1, 3), (2, 4, 1, 2), (6, 4, 1, 3), (10, 4, 2, 2), (7, 4, 1, 1)],
)
def test_minibatch_deviation_equals_a_loop_over_the_largest_groups_that_divide_the_batch(batch, group, deviations, size):
    x = torch.randn(batch, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = minibatch_deviation(x, group, deviations)
    width = 4 // deviations
    for n in range(batch):
        members = [x[m] for m in range(batch) if m % (batch // size) == n % (batch // size)]
        mean = sum(members) / size
        spread = (sum((member - mean) ** 2 for member in members) / size + 1e-8).sqrt()
        for f in range(deviations):
            expected = spread[f * width : (f + 1) * width].mean()
            torch.testing.assert_close(found[n, f], expected.expand(3, 3))


def test_equal_images_have_no_deviation():
    assert minibatch_deviation(torch.ones(4, 2, 3, 3), 4, 1).max() <= math.sqrt(1e-8) * 1.001


def test_one_finite_logit_per_image():
    logits = tiny()(pictures(4))
    assert logits.shape == (4,)
    assert torch.isfinite(logits).all()
    assert logits.std() > 0


def test_a_conditional_discriminator_projects_on_the_label():
    discriminator = tiny(num_classes=3)
    labels = torch.eye(3)[[0, 1, 0, 1]]
    first, second = discriminator(pictures(4), labels), discriminator(pictures(4), labels.flip(0))
    assert first.shape == (4,)
    assert not torch.allclose(first, second)


@pytest.mark.parametrize(("classes", "labels"), [(3, None), (0, torch.eye(3)[:2])])
def test_labels_are_given_to_conditional_discriminators_only(classes, labels):
    with pytest.raises(ValueError, match=f"{classes} classes"):
        tiny(num_classes=classes)(pictures(2), labels)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"group": 0}, "group"), ({"deviations": 3}, "deviations must divide"), ({"conv_clamp": -1.0}, "conv_clamp")],
)
def test_settings_that_cannot_be_computed_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        tiny(**options)


def test_the_clamp_limits_what_a_layer_puts_out_before_the_gain_of_the_short_cut():
    layer = EqualizedConv(3, 4, 3, clamp=0.5)
    for gain in (1.0, 0.25):
        assert layer(1e6 * pictures(2), gain).abs().max() == 0.5 * gain


def test_the_clamp_limits_what_huge_images_do():
    assert tiny(conv_clamp=1.0)(1e6 * pictures(4)).abs().max() < 100 < tiny()(1e6 * pictures(4)).abs().max()


def test_it_is_differentiable_twice_as_r1_needs():
    discriminator = tiny().double()
    images = pictures(2).double().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    assert discriminator.b4.conv.weight.grad.abs().sum() > 0


def test_it_returns_from_its_folder_unchanged(tmp_path):
    discriminator = tiny(num_classes=3)
    discriminator.save_pretrained(tmp_path)
    labels = torch.eye(3)[[0, 1]]
    assert torch.equal(
        StyleGAN2Discriminator.from_pretrained(tmp_path)(pictures(2), labels), discriminator(pictures(2), labels)
    )
