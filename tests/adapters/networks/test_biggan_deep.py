import math

import pytest
import torch

from orojar_adapters.networks.biggan_deep import BigGANDeep, statistics_at
from tiny import tiny_biggan_deep

TABLE = torch.arange(51.0)[:, None].expand(51, 2).contiguous()


def row(truncation: float, table: torch.Tensor = TABLE) -> float:
    return statistics_at(table, torch.tensor([truncation])).squeeze(0)[0].item()


@pytest.mark.parametrize("step", [0, 1, 7, 14, 20, 28, 29, 47, 49, 50])
def test_a_truncation_on_a_step_takes_that_steps_statistics(step):
    assert row(step / 50) == step


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_step_is_met_in_every_precision(dtype):
    truncations = torch.tensor([step / 50 for step in range(51)], dtype=dtype)
    assert torch.equal(statistics_at(TABLE.to(dtype), truncations), TABLE.to(dtype))


@pytest.mark.parametrize("truncation", [0.01, 0.17, 0.43, 0.715, 0.995])
def test_between_steps_rows_are_mixed_as_the_original_mixes_them(truncation):
    share, start = math.modf(truncation / (1 / 50))
    assert row(truncation) == pytest.approx(start * share + (start + 1) * (1 - share), abs=1e-4)


def test_truncations_out_of_range_take_the_nearest_statistics():
    assert (row(-3.0), row(1.7)) == (0, 50)


def test_each_image_of_a_batch_has_its_own_truncation():
    generator = tiny_biggan_deep()
    z, classes = generator.sample_latents(2, torch.Generator().manual_seed(0)), torch.tensor([0, 1])
    ws = torch.cat([generator.map(z[:1], truncation=0.4), generator.map(z[1:], truncation=1.0)])
    images = generator.synthesize(ws, labels=classes)
    for i, truncation in enumerate((0.4, 1.0)):
        alone = generator(z[i : i + 1], classes[i : i + 1], truncation)
        torch.testing.assert_close(images[i : i + 1], alone, rtol=1e-4, atol=1e-5)


def test_no_layer_to_truncate_is_truncation_one():
    generator, z = tiny_biggan_deep(), torch.zeros(1, 6)
    assert torch.equal(generator.map(z, truncation=0.4, cutoff=0), generator.map(z))


def test_latents_are_normal_and_cut_off_at_two():
    z = tiny_biggan_deep().sample_latents(20_000, torch.Generator().manual_seed(0))
    assert 1.99 < z.abs().max() <= 2
    assert z.mean().abs() < 0.01
    # the variance of a standard normal distribution between -2 and 2: 1 - 4 p(2) / (P(2) - P(-2))
    density, mass = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(math.sqrt(2))
    assert z.var().item() == pytest.approx(1 - 4 * density / mass, abs=0.01)


def test_layers_are_counted_within_their_resolution():
    names = [(layer.name, layer.resolution) for layer in tiny_biggan_deep().feature_layers]
    assert names == [("8x8 block 1", 8), ("8x8 block 2", 8), ("16x16 block 1", 16), ("16x16 block 2", 16), ("to RGB", 16)]


def test_the_modulation_matrix_meets_z_and_not_the_truncation():
    (matrix,) = tiny_biggan_deep().modulation_weights()
    widths = [64, 16, 16, 16, 32, 8, 8, 8, 16, 4, 4, 4, 8, 2, 2, 2]
    assert matrix.shape == (16 * 64 + 2 * sum(widths), 7)
    assert torch.equal(matrix[:, 6], torch.zeros(len(matrix)))
    assert torch.equal(matrix[: 16 * 64, :6], tiny_biggan_deep().linear.weight.detach()[:, :6])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": [8]}, "channels must be 2 to 65 widths"),
        ({"channels": [8] * 10**5}, "channels must be 2 to 65 widths, got 100000"),
        ({"channels": [10**9, 10**9]}, "channels must be .* got 1000000000"),
        ({"channels": [8, 16]}, "block 0 must keep or halve its channels, at least 4, it has 8 and then 16"),
        ({"channels": [3, 3]}, "at least 4, it has 3"),
        ({"ups": [1]}, "ups must be a whole number from 0 to 0, got 1"),
        ({"ups": []}, "ups must be a whole number from 1 to 10, got 0"),
        ({"channels": [8] * 13, "ups": list(range(12))}, "ups must be a whole number from 1 to 10, got 12"),
        ({"attention": [5]}, "attention must be a whole number from 0 to 0, got 5"),
        ({"channels": [8, 4], "attention": [0]}, "channels of block 0, which has attention"),
        ({"num_classes": 10**9}, "num_classes"),
        ({"latent_size": 10**9}, "latent_size must be .* got 1000000000"),
        ({"steps": 1}, "steps must be a whole number from 2"),
        ({"steps": 10**9}, "steps must be a whole number from 2"),
        ({"norm_eps": math.nan}, "norm_eps"),
    ],
)
def test_sizes_that_no_biggan_deep_has_are_refused(options, words):
    with torch.device("meta"), pytest.raises(ValueError, match=words):
        BigGANDeep(**({"channels": [8, 8], "ups": [0], "num_classes": 3, "latent_size": 4} | options))
