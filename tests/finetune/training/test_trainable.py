import pytest

from orojar_finetune.training.trainable import choose
from separable import Separable
from tiny import tiny_stylegan2


def moving(what):
    generator = tiny_stylegan2()
    choose(generator, what, lora_rank=2)
    return {name for name, p in generator.named_parameters() if p.requires_grad}


def test_all_moves_every_weight():
    assert moving("all") == {name for name, _ in tiny_stylegan2().named_parameters()}


def test_mapping_and_synthesis_share_all_weights_out():
    assert moving("mapping") | moving("synthesis") == moving("all")
    assert moving("mapping") & moving("synthesis") == set()
    assert all(name.startswith("mapping.") for name in moving("mapping"))


def test_affine_moves_the_modulation_layers_alone():
    assert moving("affine") == {name for name in moving("all") if ".affine." in name}
    assert len(moving("affine")) == 2 * (5 + 3)  # five convolutions, three to RGB; weight and bias


def test_adapters_move_and_nothing_else():
    found = moving("lora")
    assert found
    assert all(".affine.lora_" in name for name in found)


def test_weights_that_a_family_does_not_have_are_refused_with_those_it_has():
    with pytest.raises(ValueError, match="a separable has no mapping weights of its own to tune; it has: all"):
        choose(Separable(), "mapping", 1)


def test_an_unknown_choice_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="trainable must be one of all, mapping, synthesis, affine, lora, got 'some'"):
        choose(tiny_stylegan2(), "some", 1)
