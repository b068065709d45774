import inspect

import pytest
import torch

from orojar_adapters.ops.noise import add_noise, noise_rng

CONST = torch.arange(12.0).view(3, 4)
ZEROS = torch.zeros(2, 5, 3, 4)


def test_noise_is_const_random_none_a_seed_or_random_numbers():
    with pytest.raises(ValueError, match=r"const, random, none, a seed or a torch\.Generator, got 'blue'"):
        inspect.unwrap(noise_rng)("blue")  # without the check of types, as users run it


def test_constant_noise_is_scaled_by_one_strength_or_one_for_each_channel():
    assert torch.equal(add_noise(ZEROS, CONST, torch.tensor(2.0), "const", None), (2 * CONST).expand_as(ZEROS))
    strengths = torch.arange(5.0).view(5, 1, 1)
    assert torch.equal(add_noise(ZEROS, CONST, strengths, "const", None)[1, 3], 3 * CONST)


def test_without_noise_features_stay_as_they_are():
    assert add_noise(ZEROS, CONST, torch.tensor(2.0), "none", None) is ZEROS


def test_a_seed_draws_one_map_for_the_batch_and_random_numbers_one_for_each_image():
    strength = torch.tensor(1.0)
    seeded = add_noise(ZEROS, CONST, strength, 7, noise_rng(7))
    assert torch.equal(seeded, add_noise(ZEROS, CONST, strength, 7, noise_rng(7)))
    assert torch.equal(seeded, seeded[:1, :1].expand_as(ZEROS))
    rng = torch.Generator().manual_seed(7)
    drawn = add_noise(ZEROS, CONST, strength, rng, noise_rng(rng))
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[:, 0], drawn[:, 4])
