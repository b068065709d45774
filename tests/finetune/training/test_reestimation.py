import dataclasses

import pytest
import torch

from orojar_finetune import Directions, DiscoverConfig, discover
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.discovery.discovering import METHODS
from orojar_finetune.training.reestimation import BY_DESCENT, EVERY, matched, search_again, search_interval
from tiny import tiny_biggan, tiny_stylegan2

LAYERS = len(tiny_stylegan2().layers)


def directions(basis, names):
    count = len(basis)
    sigmas = torch.arange(1.0, count + 1)
    return Directions(basis, sigmas, "w", "sefa", names, (None,) * count, tuple(sigmas.tolist()))


def test_what_is_found_takes_order_signs_and_names_of_what_it_is_most_like():
    before = directions(random_basis(3, 8, seed=0), ("hue", "x", "size"))
    other = before.basis[[2, 0, 1]] * torch.tensor([[-1.0], [1.0], [-1.0]])
    found = directions(torch.nn.functional.normalize(other + 0.05, dim=1), ("a", "b", "c"))
    followed = matched(before, found)
    assert followed.names == before.names
    assert followed.sigmas.tolist() == [2, 3, 1]
    assert followed.activity == (2, 3, 1)
    assert ((followed.basis * before.basis).sum(dim=1) > 0.9).all()


def test_every_direction_gets_a_place_where_two_are_most_like_the_same_one():
    basis = torch.eye(4)[:2]
    found = directions(torch.tensor([[0.8, 0.6, 0, 0], [1, 0, 0, 0.0]]), ("a", "b"))
    assert matched(directions(basis, ("x", "y")), found).basis.tolist() == [[1, 0, 0, 0], found.basis[0].tolist()]


@pytest.mark.parametrize("options", [{"space": "z"}, {"space": "w", "layers": (1, 3)}, {"space": "w+", "layers": (1, LAYERS)}])
def test_a_generator_that_did_not_change_has_the_same_directions_again(options):
    generator = tiny_stylegan2()
    config = DiscoverConfig(method="jacobian", count=3, method_options={"latents": 4})
    found = discover(generator, config, progress=False, **options)
    named = found.rename({0: "hue"})
    again = search_again(named, generator, config)
    torch.testing.assert_close(again.basis, found.basis)
    torch.testing.assert_close(again.sigmas, found.sigmas)
    assert (again.names, again.space, again.layers) == (named.names, named.space, named.layers)


def test_a_method_of_somebody_elses_cannot_search_again():
    found = directions(random_basis(2, 8, seed=0), ("a", "b"))
    with pytest.raises(ValueError, match="method must be one of"):
        search_again(dataclasses.replace(found, method="by hand"), tiny_stylegan2(), DiscoverConfig())


def test_the_interval_is_what_was_asked_for_or_suits_the_method():
    by_default = {method: search_interval(None, method) for method in METHODS}
    assert by_default == {method: 0 if method in BY_DESCENT else EVERY for method in METHODS}
    assert set(BY_DESCENT) < set(METHODS)
    methods = ("sefa", "orojar", "by hand")
    assert [search_interval(every, method) for every in (0, 7) for method in methods] == [0, 0, 0, 7, 7, 0]


def test_directions_are_found_again_with_the_options_they_were_found_with(tmp_path):
    generator, options = tiny_stylegan2(), {"activations": (1, 2), "latents": 8}
    before = discover(generator, count=3, progress=False, **options)
    before.save(tmp_path)
    found = search_again(Directions.load(tmp_path), generator, DiscoverConfig(method_options={"latents": 3}))
    torch.testing.assert_close(found.basis, before.basis)
    assert found.provenance["config"]["method_options"] == options
    sefa = discover(generator, method="sefa", count=3, progress=False)
    other = DiscoverConfig(method="orojar", method_options={"probes": 4})  # sefa has no such option
    torch.testing.assert_close(search_again(sefa, generator, other).basis, sefa.basis)


def test_directions_of_a_part_of_z_stay_in_it():
    generator, config = tiny_biggan(), DiscoverConfig(method_options={"latents": 8}, space="z")
    before = discover(generator, config, count=2, part="coarse", progress=False)
    found = search_again(before, generator, config)
    assert ((before.basis == 0) == (found.basis == 0)).all()
    assert (found.basis == 0).any()
