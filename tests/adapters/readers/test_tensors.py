"""The one lazy mapping: decoded when asked for, taken once, viewed below a prefix, and never more than the file has."""

import pytest
import torch

from orojar_adapters import CheckpointError
from orojar_adapters.readers import tensors
from orojar_adapters.readers.tensors import Tensors
from orojar_adapters.readers.torch_file import read_torch


def named(**values: torch.Tensor) -> Tensors:
    return Tensors(((name.replace("_", "."), tensor) for name, tensor in values.items()), lambda tensor: tensor)


def test_a_tensor_is_decoded_when_it_is_asked_for():
    decoded = []

    def decode(record: float) -> torch.Tensor:
        decoded.append(record)
        return torch.tensor(record)

    state = Tensors({"a": 1.0, "b": 2.0}.items(), decode)
    assert "a" in state and list(state) == ["a", "b"] and decoded == []
    assert state.take("b") == 2 and decoded == [2.0]


def test_a_tensor_is_taken_once_and_the_rest_is_left():
    state = named(a=torch.ones(2, 3), b=torch.ones(4), c=torch.ones(1))
    assert state.get("a").shape == state.take("a", dims=2).shape == (2, 3)
    state.drop("c", "nothing")
    assert "a" not in state and len(state) == 1
    with pytest.raises(CheckpointError, match="the tensor 'a' is missing"):
        state.take("a")
    with pytest.raises(CheckpointError, match=r"expected 'b' with 2 dimensions, its shape is \(4,\)"):
        state.take("b", dims=2)
    with pytest.raises(CheckpointError, match=r"unknown tensors \['b'\]"):
        state.finish()
    assert list(state.rest()) == ["b"]
    state.finish()


def test_a_leading_dimension_of_one_is_taken_off():
    state = named(a=torch.ones(1, 4), b=torch.ones(2, 4))
    assert state.first("a", 2).shape == (4,)
    with pytest.raises(CheckpointError, match=r"expected 'b' with a leading dimension of 1, its shape is \(2, 4\)"):
        state.first("b", 2)


def test_layers_are_taken_under_another_name():
    state = named(fc_weight=torch.ones(2, 3), fc_bias=torch.ones(2), rest=torch.ones(1))
    assert {name: tuple(tensor.shape) for name, tensor in state.layer("fc", "out", 2).items()} == {
        "out.weight": (2, 3),
        "out.bias": (2,),
    }
    assert list(state) == ["rest"]


def test_a_view_below_a_prefix_takes_from_the_whole():
    state = named(g_fc0_w=torch.ones(1), g_fc1_w=torch.ones(2), g_fc3_w=torch.ones(3), d_w=torch.ones(4))
    view = state.under("g.").under("fc")
    assert list(view) == ["0.w", "1.w", "3.w"] and len(view) == 3
    assert state.count("g.fc{}.w") == view.count("{}.w") == 2 and view.count("{}.w", start=1) == 1
    assert len(view.take("1.w")) == 2
    view.drop("0.w")
    assert list(state) == ["g.fc3.w", "d.w"]
    with pytest.raises(CheckpointError, match=r"the tensor 'g\.fc7\.w' is missing"):
        view.take("7.w")
    assert list(view.rest()) == ["3.w"]


def test_shapes_are_known_before_anything_is_read(tmp_path):
    torch.save({"a": torch.ones(2, 3), "b": torch.nn.Parameter(torch.ones(4)), "c": 3}, tmp_path / "file.pt")
    with read_torch(tmp_path / "file.pt") as (pickle, reader):
        state = Tensors(pickle.value.items(), reader.tensor)
        assert [state.shape(name) for name in state] == [(2, 3), (4,), None]
        assert reader.storages == {}


def test_more_values_than_the_file_has_are_not_given(monkeypatch):
    monkeypatch.setattr(tensors, "SLACK", 0)
    whole = torch.ones(6)
    apart = named(b=whole[:4], c=whole[4:])
    assert apart.take("b").shape == (4,) and apart.take("c").shape == (2,)
    state = named(a=whole, b=whole[:4])
    state.take("a")
    with pytest.raises(CheckpointError, match="tensors up to 'b' share their values"):
        state.take("b")


def test_small_constants_may_be_shared_but_no_more_than_a_megabyte():
    whole = torch.ones(2**17)  # half of one
    state = named(a=whole, b=whole, c=whole, d=whole)
    assert all(len(state.take(name)) for name in "abc")
    with pytest.raises(CheckpointError, match="tensors up to 'd' share their values"):
        state.rest()


def test_more_tensors_than_any_generator_has_are_refused():
    with pytest.raises(CheckpointError, match="more than 10,000 tensors"):
        Tensors(((str(i), None) for i in range(10**9)), lambda record: record)
