import torch

from orojar_adapters import new_discriminator
from tiny import tiny_stylegan2


def test_feature_maps_double_with_every_halving():
    assert new_discriminator(tiny_stylegan2(), 4, seed=0).config["channels"] == [16, 8, 4]


def test_they_stop_at_eight_times_as_many_for_small_images_and_at_sixteen_for_large_ones():
    generator = tiny_stylegan2()
    generator.resolution = 64
    assert new_discriminator(generator, 2, seed=0).config["channels"] == [16, 16, 8, 4, 2]
    generator.resolution = 256
    assert new_discriminator(generator, 2, seed=0).config["channels"] == [32, 32, 32, 16, 8, 4, 2]


def test_weights_follow_the_seed_and_nothing_else():
    torch.manual_seed(5)
    a = new_discriminator(tiny_stylegan2(), 4, seed=0).state_dict()
    b, other = (new_discriminator(tiny_stylegan2(), 4, seed=seed).state_dict() for seed in (0, 1))
    assert all(torch.equal(value, b[name]) for name, value in a.items())
    assert not torch.equal(a["b4.out.weight"], other["b4.out.weight"])


def test_it_judges_the_images_and_classes_of_its_generator():
    generator = tiny_stylegan2(num_classes=3, image_channels=1)
    labels = generator.label_rows(torch.tensor([0, 2]), 2)
    assert new_discriminator(generator, 4, seed=0)(torch.zeros(2, 1, 16, 16), labels).shape == (2,)
