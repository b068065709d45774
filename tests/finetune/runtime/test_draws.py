import torch

from orojar_finetune.runtime.draws import rng


def numbers(*purpose, seed=0):
    return torch.rand(4, generator=rng(seed, *purpose)).tolist()


def test_the_same_purpose_gives_the_same_numbers():
    assert numbers("latents", 3) == numbers("latents", 3)


def test_seed_word_and_step_each_give_other_numbers():
    drawn = [numbers("latents", 3), numbers("latents", 4), numbers("noise", 3), numbers("latents", 3, seed=1)]
    assert len({tuple(row) for row in drawn}) == 4


def test_words_and_numbers_do_not_run_together():
    assert numbers("a", 12) != numbers("a", 1, 2)


def test_global_randomness_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    numbers("latents", 1)
    assert torch.equal(torch.get_rng_state(), before)
