import pytest
import torch
from torch import nn

from foreign_dcgan import small_gan
from orojar_adapters import load_generator
from paper_networks import SmallDiscriminator, activations, gradient_penalty, penalised_layers, small_generator
from paper_presets import PRESETS


def test_the_generator_is_the_one_that_the_authors_files_hold(tmp_path):
    torch.save(small_gan().state_dict(), tmp_path / "netG.pth")
    theirs, ours = load_generator(tmp_path / "netG.pth"), small_generator((12, 8, 8), 5, seed=0)
    for setting in ("stages", "latent_size", "norm_eps"):
        assert ours.config[setting] == theirs.config[setting]


def test_the_full_preset_has_the_papers_sizes():
    preset = PRESETS["full"]
    generator = small_generator(preset.generator, 6, seed=0)
    assert [layer.resolution for layer in generator.feature_layers] == [4, 8, 16, 32, 64, 64]
    assert penalised_layers(generator) == (0, 1, 2, 3)
    discriminator = SmallDiscriminator(preset.discriminator, preset.embedding, seed=0)
    linear = [layer for layer in discriminator.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(8192, 512), (512, 1)]
    assert discriminator(torch.zeros(2, 1, 64, 64)).shape == (2,)


def test_the_reduced_preset_is_as_many_pixels_as_its_sprites():
    preset = PRESETS["reduced"]
    generator = small_generator(preset.generator, 6, seed=0)
    assert generator.resolution == preset.resolution
    images = generator(torch.zeros(2, 6))
    assert SmallDiscriminator(preset.discriminator, preset.embedding, seed=0)(images).shape == (2,)


def test_activations_are_those_of_the_whole_generator():
    generator = small_generator((8, 6, 4, 4), 5, seed=0)
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    wanted = generator.synthesize_with_activations(generator.map(z), penalised_layers(generator))[1]
    found = activations(generator, z)
    assert [a.shape[1:] for a in found] == [(8, 4, 4), (6, 8, 8), (4, 16, 16)]
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "network", [lambda seed: small_generator((8, 4), 5, seed), lambda seed: SmallDiscriminator((4,), 4, seed)]
)
def test_first_weights_depend_on_the_seed_alone(network):
    first, again, other = (torch.cat([p.flatten() for p in network(seed).parameters()]) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_gradient_penalty_of_a_linear_discriminator_is_how_far_its_slope_is_from_one():
    class Linear(nn.Module):
        def forward(self, images):
            return 3 * images[:, 0, 0, 0] + 4 * images[:, 0, 1, 1]

    images = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    penalty = gradient_penalty(Linear(), images, images.flip(0), torch.rand(5, generator=torch.Generator().manual_seed(1)))
    assert penalty.item() == pytest.approx((5 - 1) ** 2)


def test_the_gradient_penalty_looks_between_the_two_pictures():
    class Square(nn.Module):
        def forward(self, images):
            return images.square().sum(dim=(1, 2, 3)) / 2  # its slope is where one stands

    reals, fakes = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 4.0)
    for mixing, place in ((0.0, 2), (0.5, 3), (1.0, 4)):
        assert gradient_penalty(Square(), reals, fakes, torch.tensor([mixing])).item() == pytest.approx((place - 1) ** 2)
