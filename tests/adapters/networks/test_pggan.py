import pytest
import torch

from orojar_adapters.networks.pggan import PGGAN
from tiny import tiny_pggan


def test_the_length_of_z_does_not_show():
    generator = tiny_pggan()
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(generator(z), generator(3 * z), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(generator(z, truncation=0.5), generator(z), rtol=1e-4, atol=1e-5)


def test_without_normalization_the_length_of_z_shows_and_a_folder_remembers_it(tmp_path):
    plain = PGGAN(16, [8, 8, 4], latent_size=8, normalize_latents=False)
    plain.load_state_dict(tiny_pggan().state_dict())
    plain.save_pretrained(tmp_path)
    generator = PGGAN.from_pretrained(tmp_path)
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    assert (generator(z) - generator(3 * z)).abs().mean() > 0.01
    _, (first,) = generator.synthesize_with_activations(generator.map(z), [0])
    torch.testing.assert_close(first, generator.synthesis.layers[0](z))


def test_layers_of_features_are_two_a_resolution():
    assert [(layer.name, layer.resolution) for layer in tiny_pggan().feature_layers] == [
        ("4x4 dense", 4),
        ("4x4 conv", 4),
        ("8x8 up conv", 8),
        ("8x8 conv", 8),
        ("16x16 up conv", 16),
        ("16x16 conv", 16),
    ]


def test_features_are_normalized_in_every_pixel():
    generator = tiny_pggan()
    ws = generator.map(generator.sample_latents(2, torch.Generator().manual_seed(0)))
    _, maps = generator.synthesize_with_activations(ws, range(6))
    for found in maps:
        torch.testing.assert_close(found.square().mean(dim=1), torch.ones_like(found[:, 0]))


def test_the_matrix_over_z_makes_the_coarsest_maps():
    generator = tiny_pggan(num_classes=3)
    [matrix] = generator.modulation_weights()
    assert matrix.shape == (8 * 16, 8)
    first, z = generator.synthesis.layers[0], torch.eye(11)[:8]
    made = first(z) - first(torch.zeros(1, 11))
    torch.testing.assert_close(made.flatten(1).T / made.std(), matrix / matrix.std(), rtol=1e-4, atol=1e-4)


def test_a_class_changes_the_image():
    generator = tiny_pggan(num_classes=3)
    images = generator(generator.sample_latents(1, torch.Generator().manual_seed(0)).expand(3, -1), torch.arange(3))
    assert (images[0] - images[1]).abs().max() > 0.01


def test_a_cutoff_before_the_only_layer_truncates_nothing():
    generator = tiny_pggan()
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    assert torch.equal(generator.map(z, truncation=0.5, cutoff=0), generator.map(z))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"resolution": 24}, "power of two from 8"),
        ({"channels": [8, 8]}, "one entry for each of"),
        ({"latent_size": 10**9}, "latent_size"),
        ({"num_classes": 10**9}, "num_classes"),
    ],
)
def test_sizes_that_no_progan_has_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        PGGAN(**{"resolution": 16, "channels": [8, 8, 8]} | sizes)
