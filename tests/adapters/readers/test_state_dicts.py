"""Where the state dicts in a torch file lie: averaged weights first, discriminators apart."""

import pytest

from orojar_adapters.readers.state_dicts import DISCRIMINATOR, PLACES, state_dicts
from orojar_adapters.readers.unpickle import Call, Global

ONE, TWO, THREE = (Call(Global("torch._utils._rebuild_tensor_v2"), (i,)) for i in range(3))


def places(value) -> dict[str, list[str]]:
    return {place: list(tensors) for place, tensors in state_dicts(value, lambda record: record).places.items()}


def test_averaged_weights_come_first_and_prefixes_go():
    value = {"other": {"d": ONE}, "g": {"module.a": ONE}, "g_ema": {"module.b": TWO, "step": 3}, "epoch": 3, "latent_avg": TWO}
    assert places(value) == {"g_ema": ["b"], "g": ["a"], "state dict": ["latent_avg"], "other": ["d"]}
    assert list(places(value)) == ["g_ema", "g", "state dict", "other"]


def test_what_genforces_training_saves_lies_one_level_deeper():
    networks = {"discriminator": {"a": ONE}, "generator": {"a": ONE}, "generator_smooth": {"b": TWO}}
    found = state_dicts({"models": networks, "optimizers": {}}, lambda record: record)
    assert list(found.places) == ["generator_smooth", "generator"]
    assert found.holds("generator_smooth") == ("generator_smooth", "generator", "discriminator")


@pytest.mark.parametrize("value", [None, 3, [{"a": ONE}], "x", {}, {"g": None}, {"g": {"a": 3}}])
def test_without_tensors_there_are_none(value):
    assert places(value) == {}


def test_one_that_has_many_names_is_looked_at_once():
    shared = {"a": ONE}
    value = {f"name {i}": shared for i in range(1000)} | {1: shared, None: shared}
    assert list(places(value)) == ["name 0"]


@pytest.mark.parametrize(
    "name",
    ["D", "d", "netD", "net_d", "disc", "dis", "discriminator", "D_ema", "critic", "netD_state_dict", "Discriminator"],
)
def test_discriminators_are_known_by_their_names_and_are_no_generators(name):
    found = state_dicts({"G_ema": {"a": ONE}, name: {"b": TWO}, "other": {"c": THREE}}, lambda record: record)
    assert list(found.discriminators) == [name] and list(found.places) == ["G_ema", "other"]
    assert found.holds("G_ema") == ("G_ema", name)


@pytest.mark.parametrize("name", [*PLACES, "d_optim", "dataset", "D_optimizer", "augment", "g_d"])
def test_other_names_are_not_discriminators(name):
    assert not DISCRIMINATOR.fullmatch(name)
