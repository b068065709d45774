"""Shapes of graphs: found without computing, and refused where no generator has them."""

import tracemalloc

import pytest
import torch
from torch import nn

from orojar_adapters.graph_shapes import check_runs, shapes_of
from tiny import tiny_generic


def node(operation, *args, name="x"):
    return [name, operation, list(args), {}]


def test_the_shapes_of_a_graph_are_those_of_what_it_computes():
    generator = tiny_generic()
    config = generator.config
    found = shapes_of(config["nodes"], config["weights"], config["latent_shape"], 0)
    image, (features,) = generator.synthesize_with_activations(torch.zeros(2, 1, 8), [0])
    assert found["image"] == image.shape
    assert found["conv"] == features.shape


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("zeros", [2**20, 2**20])], r"'x' \(zeros\) cannot be computed: it makes 1048576 x 1048576 values"),
        ([node("expand", {"of": "w"}, [2**20, 2**10, 3])], "it makes 1048576 x 1024 x 3 values"),
        ([node("conv2d", {"of": "z"}, {"of": "w"})], r"'x' \(conv2d\) cannot be computed"),
        ([node("item", {"of": "z"}, "__class__")], "no item '__class__'"),
        ([node("mul", "x", 10**9)], "reckons with something else than numbers"),
        ([node("floordiv", 1, 0)], "division"),
    ],
)
def test_graphs_that_cannot_be_computed_are_refused_before_anything_is_allocated(nodes, words):
    tracemalloc.start()
    with pytest.raises(ValueError, match=words):
        shapes_of(nodes, {"w": [3]}, [8], 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25


def test_a_module_that_puts_out_something_else_than_images_is_refused():
    with pytest.raises(ValueError, match="something else than a batch of images"):
        check_runs(nn.Linear(8, 4), (8,), 0)
    with pytest.raises(ValueError, match="RuntimeError"):
        check_runs(nn.Linear(7, 4), (8,), 0)


def test_results_that_are_not_too_large_alone_but_together_are_refused():
    held = [[f"m{i}", "ones", [[2**27]], {}] for i in range(20)]
    with pytest.raises(ValueError, match=r"the graph holds 1,207,959,552 values at 'm8', no generator does"):
        shapes_of([*held, ["image", "cat", [[{"of": name} for name, *_ in held]], {}]], {}, [4], 0)


def test_what_is_needed_no_more_does_not_count():
    passing = [[f"m{i}", "ones", [[2**27]], {}] for i in range(20)]
    assert shapes_of(passing, {}, [4], 0)["m19"] == (2**27,)
