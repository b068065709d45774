"""rosinality's files: every name, shape, dtype and value of the originals, in their order."""

import pytest
import torch

from foreign_files import rosinality_discriminator, rosinality_generator
from originals import SHIPPED, assert_same_tensors, demo, rosinality_file
from orojar_adapters import load_discriminator, load_generator, open_source
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.writers import rosinality
from tiny import tiny_biggan, tiny_discriminator, tiny_stylegan2

ORIGINAL = "rosinality_stylegan2_32.pt"


def test_the_originals_generator_comes_back_tensor_for_tensor():
    wanted = rosinality_file(SHIPPED / ORIGINAL)
    value = rosinality.export(load_generator(SHIPPED / ORIGINAL), None).files[""]
    assert list(value) == ["g_ema", "latent_avg"] == list(wanted)
    assert list(value["g_ema"]) == list(wanted["g_ema"])
    assert_same_tensors(value["g_ema"], wanted["g_ema"])
    assert_same_tensors({"latent_avg": value["latent_avg"]}, {"latent_avg": wanted["latent_avg"]})


def test_a_trained_originals_generator_and_discriminator_come_back_tensor_for_tensor(golden):
    path = demo(golden)
    wanted, opened = rosinality_file(path), open_source(path)
    value = rosinality.export(opened.generator(), opened.discriminator()).files[""]
    assert set(value) == set(wanted) - {"g"}
    for network in ("g_ema", "d"):
        assert list(value[network]) == list(wanted[network])
        assert_same_tensors(value[network], wanted[network])
    assert torch.equal(value["latent_avg"], wanted["latent_avg"])


def test_names_and_values_are_those_of_a_second_renaming():
    generator, discriminator = tiny_stylegan2(), tiny_discriminator()
    for found, wanted, kernel in [
        (rosinality.generator_state(generator), rosinality_generator(generator), "upsample.kernel"),
        (rosinality.discriminator_state(discriminator), rosinality_discriminator(discriminator), "skip.0.kernel"),
    ]:
        kernels = {name for name in found.keys() - wanted.keys() if name.endswith(kernel)}
        assert len(kernels) == 2
        assert_same_tensors({name: tensor for name, tensor in found.items() if name not in kernels}, wanted)


def test_a_saved_export_makes_the_same_images_and_logits(tmp_path):
    generator, discriminator = tiny_stylegan2(), tiny_discriminator()
    path = tmp_path / "model.pt"
    torch.save(rosinality.export(generator, discriminator).files[""], path)
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    assert torch.equal(load_generator(path)(z, truncation=0.7), generator(z, truncation=0.7))
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_discriminator(path)(images), discriminator(images))
    assert load_generator(path).source_facts.holds == ("g_ema", "d")


BASE = {"resolution": 16, "channels": [8, 8, 4], "latent_size": 8, "w_size": 8, "mapping_depth": 2}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_classes": 3}, "there are no labels there, here there are 3 classes"),
        ({"image_channels": 4}, "images have 3 channels there, here they have 4"),
        ({"conv_clamp": 256.0}, r"activations have no limit there, here it is conv_clamp 256\.0"),
        ({"latent_size": 6}, "z, w and the layers between have one width there, here they have 6, 8 and 8"),
        ({"mapping_width": 16}, "one width there, here they have 8, 8 and 16"),
        ({"mapping_lr_multiplier": 0.02}, r"learning-rate multiplier is 0\.01 there, here it is 0\.02"),
    ],
)
def test_what_that_code_cannot_compute_is_refused_with_the_format_that_can(options, words):
    with pytest.raises(ValueError, match=rf"^rosinality's format cannot hold this generator: .*{words}; type --to nvlabs"):
        rosinality.export(StyleGAN2(**BASE | options), None)


def test_a_width_between_layers_that_are_not_there_hinders_nothing():
    assert rosinality.export(StyleGAN2(**BASE | {"mapping_depth": 1, "mapping_width": 99}), None).left_out is None


def test_other_families_are_refused():
    with pytest.raises(ValueError, match=r"^--to rosinality holds StyleGAN2 generators only, .* biggan: type --to folder$"):
        rosinality.export(tiny_biggan(), None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": 8}, "minibatch deviation has groups of 4, maps 1 there, here groups of 8, maps 1"),
        ({"deviations": 2}, "here groups of 4, maps 2"),
        ({"conv_clamp": 256.0}, "no limit there"),
        ({"num_classes": 3}, "no labels there"),
    ],
)
def test_a_discriminator_that_it_cannot_hold_is_left_out_with_its_reason(options, words):
    export = rosinality.export(tiny_stylegan2(), StyleGAN2Discriminator(16, [8, 8, 4], **options))
    assert words in export.left_out
    assert list(export.files[""]) == ["g_ema", "latent_avg"]
    assert list(export.networks) == ["generator"]


@pytest.mark.parametrize(
    ("channels", "multiplier"),
    [
        ([512, 512, 512, 512, 512, 256, 128, 64, 32], 2),
        ([512, 512, 512, 512, 256, 128, 64, 32, 16], 1),
        ([512, 512, 512, 512], 2),
        ([512, 512, 512, 512, 512, 256, 128, 64, 32, 16], None),
        ([512, 512, 512, 512, 100], None),
        ([64, 64, 48, 32], None),
    ],
)
def test_channels_are_said_as_that_codes_multiplier_where_it_has_one(channels, multiplier):
    assert rosinality.channel_multiplier(channels) == multiplier


def test_sizes_are_said_as_that_codes_arguments():
    export = rosinality.export(tiny_stylegan2(), tiny_discriminator())
    wanted = {"size": 16, "style_dim": 8, "n_mlp": 2, "channel_multiplier": None}
    assert export.networks["generator"] == {"arguments": wanted, "channels": {"4": 8, "8": 8, "16": 4}}
    assert export.networks["discriminator"]["arguments"] == {"size": 16, "channel_multiplier": None}
    assert len(export.notes) == 1
    assert export.notes[0].startswith("channel_multiplier cannot express the channels of the generator and the discriminator")
