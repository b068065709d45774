import pytest
import torch

from orojar_adapters import CheckpointError
from orojar_adapters.readers.state_dict import StateDict, shape_of, state_dicts
from orojar_adapters.readers.torch_file import read_torch


def read(value, tmp_path):
    torch.save(value, tmp_path / "file.pt")
    return read_torch(tmp_path / "file.pt")


def test_averaged_weights_come_first_and_prefixes_go():
    value = {"netD": {"d": 1}, "g": {"module.a": 1}, "g_ema": {"module.a": 2}, "epoch": 3}
    assert list(state_dicts(value)) == [
        ("g_ema", {"a": 2}),
        ("g", {"a": 1}),
        ("state dict", value),
        ("netD", {"d": 1}),
    ]


@pytest.mark.parametrize("value", [None, 3, [{"a": 1}], "x"])
def test_what_is_no_dictionary_holds_none(value):
    assert list(state_dicts(value)) == []


def test_one_that_has_many_names_is_looked_at_once():
    shared = {"a": 1}
    value = {f"name {i}": shared for i in range(1000)} | {1: shared, None: shared}
    assert [place for place, _ in state_dicts(value)] == ["state dict", "name 0"]


def test_shapes_are_known_before_anything_is_read(tmp_path):
    pickle, _ = read({"a": torch.ones(2, 3), "b": torch.nn.Parameter(torch.ones(4)), "c": 3, "d": {}}, tmp_path)
    assert [shape_of(record) for record in pickle.value.values()] == [(2, 3), (4,), None, None]


def test_a_tensor_is_taken_once_and_the_rest_is_left(tmp_path):
    pickle, reader = read({"a": torch.ones(2, 3), "b": torch.ones(4), "c": torch.ones(1), "epoch": 3}, tmp_path)
    state = StateDict(pickle.value, reader, "somebody")
    assert state.get("a").shape == state.take("a", dims=2).shape == (2, 3)
    state.drop("c", "nothing")
    assert "a" not in state and list(state.rest()) == ["b"]
    with pytest.raises(CheckpointError, match="expected the tensor 'a' of somebody, it is missing"):
        state.take("a")
    with pytest.raises(CheckpointError, match=r"expected 'b' with 2 dimensions, its shape is \(4,\)"):
        state.take("b", dims=2)


def test_more_values_than_the_file_has_are_not_given(tmp_path):
    whole = torch.ones(6)
    pickle, reader = read({"a": whole, "b": whole[:4], "c": whole[4:]}, tmp_path)
    apart = StateDict({"b": pickle.value["b"], "c": pickle.value["c"]}, reader, "somebody")
    assert apart.take("b").shape == (4,) and apart.take("c").shape == (2,)
    state = StateDict(pickle.value, reader, "somebody")
    state.take("a")
    with pytest.raises(CheckpointError, match="tensors up to 'b' share their values, those of somebody do not: refused"):
        state.take("b")
