import pytest

from orojar_finetune.config import FinetuneConfig, GanConfig
from orojar_finetune.training.trainable import choose, resolved
from separable import Separable
from tiny import tiny_stylegan2


def moving(what):
    generator = tiny_stylegan2()
    choose(generator, what, rank=2)
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
    with pytest.raises(ValueError, match=r"no mapping weights .* it has: all"):
        choose(Separable(), "mapping", 1)


def test_an_unknown_choice_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="trainable must be one of auto, all, mapping, synthesis, affine, lora, got 'some'"):
        choose(tiny_stylegan2(), "some", 1)


def test_unasked_modulation_layers_move_where_there_are_some_and_faster_than_all_weights():
    config = FinetuneConfig()
    modulated, other = resolved(config, tiny_stylegan2()), resolved(config, Separable())
    assert (modulated.trainable, *modulated.gan.rates()) == ("affine", 3e-3, 1e-3)
    assert (other.trainable, *other.gan.rates()) == ("all", 1e-3, 1e-3)


def test_what_was_asked_for_stays():
    asked = FinetuneConfig(trainable="affine", gan=GanConfig(learning_rate=5e-4))
    found = resolved(asked, tiny_stylegan2())
    assert (found.trainable, *found.gan.rates()) == ("affine", 5e-4, 5e-4)
    assert resolved(FinetuneConfig(trainable="all"), tiny_stylegan2()).gan.rates() == (1e-3, 1e-3)
