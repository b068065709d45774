import pytest
import torch
from torch.nn import functional as F

from orojar_adapters.networks.biggan import BigGAN
from tiny import tiny_biggan


def made(**options) -> BigGAN:
    with torch.device("meta"):
        return BigGAN(**({"channels": [8, 8, 8], "num_classes": 3, "latent_size": 9, "embedding_size": 4} | options))


def image(generator: BigGAN, z: torch.Tensor, label: int = 0) -> torch.Tensor:
    return generator(z, torch.full((len(z),), label)).detach()


def test_the_ranges_of_biggan_128_are_the_papers():
    generator = made(channels=[8, 8, 8, 8, 8, 8], latent_size=120)
    assert generator.resolution == 128
    assert generator.latent_ranges == {"coarse": (0, 40), "mid": (40, 80), "fine": (80, 120)}


@pytest.mark.parametrize("blocks", range(2, 8))
def test_ranges_lie_one_behind_the_other_and_have_the_whole_of_z(blocks):
    ranges = made(channels=[8] * (blocks + 1), latent_size=5 * (blocks + 1)).latent_ranges
    assert list(ranges) == ["coarse", "mid", "fine"]
    ends = [0, *(end for _, end in ranges.values())]
    assert [first for first, _ in ranges.values()] == ends[:-1] and ends[-1] == 5 * (blocks + 1)
    assert all(first < end for first, end in ranges.values())


@pytest.mark.parametrize("options", [{"hierarchical": False}, {"channels": [8, 8], "latent_size": 8}])
def test_a_latent_of_one_or_two_pieces_has_no_ranges(options):
    assert made(**options).latent_ranges == {}


def test_a_chunk_of_z_changes_nothing_before_its_own_block():
    generator = tiny_biggan()
    z, classes = generator.sample_latents(1, torch.Generator().manual_seed(0)), torch.tensor([0])
    moved = z.clone()
    moved[:, 6:] += 1
    before, after = (generator.synthesize_with_activations(x[:, None], [0, 1], labels=classes)[1] for x in (z, moved))
    assert torch.equal(before[0], after[0])
    assert (before[1] - after[1]).abs().max() > 0.01


def test_the_class_enters_the_synthesis_and_not_the_latent():
    generator = tiny_biggan()
    z = generator.sample_latents(1, torch.Generator().manual_seed(0))
    assert torch.equal(generator.map(z, torch.tensor([0])), generator.map(z, torch.tensor([2])))
    assert torch.equal(generator.map(z), z[:, None])
    assert (image(generator, z, 0) - image(generator, z, 2)).abs().max() > 0.01
    with pytest.raises(ValueError, match="3 classes: give labels"):
        generator(z)


def test_truncation_shrinks_z_unless_no_layer_is_to_be_truncated():
    z = torch.ones(2, 9)
    assert torch.equal(tiny_biggan().map(z, truncation=0.5), z[:, None] / 2)
    assert torch.equal(tiny_biggan().map(z, truncation=0.5, cutoff=0), z[:, None])


def test_statistics_are_the_stored_ones_in_training_mode_too():
    generator = tiny_biggan()
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    before = image(generator, z)
    assert torch.equal(image(generator.train(), z), before)


def test_the_modulation_matrix_is_the_first_step_of_every_chunk():
    generator = tiny_biggan()
    (matrix,) = generator.modulation_weights()
    z = torch.randn(9, generator=torch.Generator().manual_seed(0))
    norms = [getattr(block, name) for block in generator.blocks for name in ("bn1", "bn2")]
    start = F.linear(z[:3], generator.linear.weight)
    with torch.no_grad():
        steps = [
            entry.weight[:, 4:] @ z[3 * (i // 2 + 1) :][:3] for i, norm in enumerate(norms) for entry in (norm.gain, norm.bias)
        ]
        torch.testing.assert_close(matrix @ z, torch.cat([start, *steps]))


def test_the_latents_layers_can_be_tuned_apart():
    for hierarchical, count in ((True, 1 + 8), (False, 1)):
        generator = tiny_biggan(hierarchical)
        assert len(generator.tunable["affine"]) == count
        assert all(type(generator.get_submodule(name)) is torch.nn.Linear for name in generator.tunable["affine"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": [8]}, "channels must be 2 to 11 widths, got 1 of them"),
        ({"channels": [8] * 100_000}, "channels must be 2 to 11 widths, got 100000 of them"),
        ({"channels": [8, 10**9, 8]}, "channels must be a whole number from 1 to 16384, got 1000000000"),
        ({"num_classes": 0}, "num_classes must be a whole number from 1 to 100000, got 0"),
        ({"latent_size": 10}, "latent_size must be a multiple of 3"),
        ({"latent_size": 3 * 10**9}, "latent_size must be a whole number from 1 to 16384"),
        ({"embedding_size": 0}, "embedding_size"),
        ({"first_resolution": 2048}, "first_resolution must be a whole number from 1 to 1024, got 2048"),
        ({"image_channels": 10**6}, "image_channels must be a whole number from 1 to 16"),
        ({"attention": [2]}, "attention must be a whole number from 0 to 1, got 2"),
        ({"channels": [8, 4, 4], "attention": [0]}, "channels of block 0, which has attention, must be .* from 8 .* got 4"),
        ({"norm_eps": 0.0}, "norm_eps must be a finite number above 0"),
    ],
)
def test_sizes_that_no_biggan_has_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        made(**options)
