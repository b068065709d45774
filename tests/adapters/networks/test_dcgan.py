import math

import pytest
import torch

from orojar_adapters.networks.dcgan import DCGAN, Stage
from tiny import tiny_dcgan


def made(*stages: dict, **options) -> DCGAN:
    with torch.device("meta"):
        return DCGAN([{"channels": 8, "stride": 1, "padding": 0}, *stages], **({"latent_size": 5} | options))


def test_activations_are_what_convolutions_put_out_before_norm_and_activation():
    generator = tiny_dcgan()
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    _, (first,) = generator.synthesize_with_activations(z[:, None], [0])
    matrix = generator.modulation_weights()[0]
    torch.testing.assert_close(first.flatten(1), z @ matrix.T)


def test_the_last_activation_is_the_image():
    generator = tiny_dcgan(small_gan=True)
    image, (last,) = generator.synthesize_with_activations(generator.sample_latents(2)[:, None], [3])
    assert torch.equal(image, last)
    assert image.abs().max() <= 1


def test_layers_are_named_by_their_size():
    names = [(layer.name, layer.resolution) for layer in tiny_dcgan(small_gan=True).feature_layers]
    assert names == [("4x4 conv", 4), ("8x8 conv", 8), ("16x16 conv", 16), ("image", 16)]
    again = made({"channels": 8, "kernel": 3, "stride": 1}, {"channels": 3}).feature_layers
    assert [layer.name for layer in again] == ["4x4 conv", "4x4 conv 2", "image"]


def test_labels_are_refused():
    with pytest.raises(ValueError, match="unconditional"):
        tiny_dcgan().map(torch.zeros(1, 7), torch.tensor([0]))


def test_truncation_shrinks_z_unless_no_layer_is_to_be_truncated():
    z = torch.ones(2, 7)
    assert torch.equal(tiny_dcgan().map(z, truncation=0.5), z[:, None] / 2)
    assert torch.equal(tiny_dcgan().map(z, truncation=0.5, cutoff=0), z[:, None])


def test_statistics_are_the_stored_ones_in_training_mode_too():
    generator = tiny_dcgan()
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    before = generator(z)
    assert torch.equal(generator.train()(z), before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 0}, "channels must be a whole number from 1"),
        ({"channels": 10**9}, "channels must be .* got 1000000000"),
        ({"kernel": 17}, "kernel must be a whole number from 1 to 16, got 17"),
        ({"stride": 5}, "stride must be a whole number from 1 to 4, got 5"),
        ({"stride": 2, "transposed": False}, "stride must be a whole number from 1 to 1, got 2"),
        ({"padding": -1}, "padding must be a whole number from 0 to 8, got -1"),
        ({"slope": 1.5}, "slope must be None or lie between 0 and 1, got 1.5"),
        ({"slope": math.nan}, "slope must be None or lie between 0 and 1, got nan"),
    ],
)
def test_a_stage_checks_itself(options, words):
    with pytest.raises(ValueError, match=words):
        Stage(**({"channels": 8} | options))


@pytest.mark.parametrize(
    ("stages", "options", "words"),
    [
        ([], {}, "stages must be 2 to 32, got 1"),
        ([{"channels": 8, "kernel": 1, "stride": 1, "padding": 0}] * 10**4, {}, "stages must be 2 to 32, got 10001"),
        ([{"channels": 17}], {}, "channels of the last stage, the image, must be a whole number from 1 to 16, got 17"),
        ([{"channels": 3, "kernel": 3, "transposed": False, "stride": 1, "padding": 0}], {}, "stage 1 turns 4 pixels into 2"),
        ([{"channels": 3}] * 12, {}, "stage 11 turns 4096 pixels into 8192"),
        ([{"channels": 3}], {"latent_size": 10**9}, "latent_size must be"),
        ([{"channels": 3}], {"norm_eps": 0.0}, "norm_eps must be"),
    ],
)
def test_sizes_that_no_dcgan_has_are_refused(stages, options, words):
    with pytest.raises(ValueError, match=words):
        made(*stages, **options)


def test_the_first_stage_must_make_an_image_of_z():
    with pytest.raises(ValueError, match="the first stage must be a transposed convolution"):
        DCGAN([{"channels": 8, "transposed": False, "stride": 1}, {"channels": 3}])
