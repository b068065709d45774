import json

import pytest

from orojar_adapters import CheckpointError, load_generator
from orojar_adapters.generic import Generic
from orojar_adapters.graph import last_uses
from tiny import tiny_generic

WEIGHTS = {"w": [48, 8]}


def node(operation, *args, name="x"):
    return [name, operation, list(args), {}]


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("save", {"of": "z"}, "file")], "calls 'save', which is none of the known"),
        ([node("from_file", "/etc/passwd")], "calls 'from_file'"),
        ([node("__class__", {"of": "z"})], "calls '__class__'"),
        ([node("linear", {"of": "z"}, {"of": "v"})], r"uses \['v'\], which nothing before it makes"),
        ([["x", "linear"]], r"must be \[name, operation, arguments, keywords\]"),
        ([node("linear", {"of": "z"}, {"of": "w"}, name="y")], "makes no 'x'"),
        ([node("add", 1, 1)] * 20_001, "a graph of 20001 operations"),
    ],
)
def test_graphs_that_do_more_than_compute_are_refused(nodes, words):
    with pytest.raises(ValueError, match=words):
        Generic(nodes, WEIGHTS, "x", 4, [8])


def test_a_folder_with_a_hostile_graph_is_refused(tmp_path):
    tiny_generic().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["nodes"].append(["y", "_save", [{"of": "image"}, "/tmp/x"], {}])
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="calls '_save'"):
        load_generator(tmp_path)


def test_what_meets_z_first_must_be_a_matrix_for_sefa():
    with pytest.raises(ValueError, match="first meets z here is sin, no matrix"):
        nodes = [node("sin", {"of": "z"}, name="bent"), node("view", {"of": "bent"}, [-1, 1, 4, 4])]
        Generic(nodes, {}, "x", 4, [16], image_channels=1).modulation_weights()


def test_results_are_let_go_after_their_last_use():
    nodes = [
        ["a", "mul", [{"of": "z"}, 2.0], {}],
        ["b", "add", [{"of": "a"}, {"of": "z"}], {}],
        ["unused", "mul", [{"of": "a"}, 3.0], {}],
        ["c", "add", [{"of": "b"}, 1.0], {}],
    ]
    assert last_uses(nodes, ["c"]) == [[], [], ["a", "unused"], ["b"]] or last_uses(nodes, ["c"])[2][::-1] == ["a", "unused"]
    assert last_uses(nodes, ["a", "c"])[2] == ["unused"]
