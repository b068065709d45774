"""ONNX files with something hostile in their graphs, sizes and references."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from attacks.attack import COMMAND, SOURCE, Attack, of_bytes
from foreign_modules import Painter, as_onnx


def changed(change: Callable[[Any], Any]) -> Callable[[Path], Path]:
    """A good file with its model changed."""

    def write(folder: Path) -> Path:
        path = as_onnx(Painter(), folder / "attack.onnx")
        model = onnx.load_model(path)
        change(model)
        path.write_bytes(model.SerializeToString())
        return path

    return write


def ending(*nodes: Any, **constants: np.ndarray) -> Callable[[Path], Path]:
    """A good file with these operators at its end: they begin at `image`, the last makes `out`."""

    def change(model: Any) -> None:
        model.graph.node.extend(nodes)
        model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
        model.graph.output[0].name = "out"

    return changed(change)


def _external(location: str) -> Callable[[Any], Any]:
    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return change


def _external_constant(location: str) -> Callable[[Any], Any]:
    """The first weight as the value of a node, in another file."""

    def change(model: Any) -> None:
        tensor = TensorProto()
        tensor.CopyFrom(model.graph.initializer[0])
        del model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        model.graph.node.insert(0, helper.make_node("Constant", [], [tensor.name], value=tensor))

    return change


def _constant(**fields: Any) -> Callable[[Any], Any]:
    """The first weight as a tensor with other fields."""

    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        for name, value in fields.items():
            tensor.ClearField(name)
            if isinstance(value, list):
                getattr(tensor, name).extend(value)
            else:
                setattr(tensor, name, value)

    return change


def _whole_numbers(model: Any) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(2**22, np.int64), "many"))


def _sub_graph(model: Any) -> None:
    inner = helper.make_graph([], "inner", [], [])
    for _ in range(20):
        inner = helper.make_graph([helper.make_node("If", ["c"], ["d"], then_branch=inner, else_branch=inner)], "i", [], [])
        if inner.ByteSize() > 2**20:
            break
    model.graph.node.extend(inner.node)


def _deep() -> bytes:
    """A message in a message in a message ...: attributes that hold graphs that hold nodes that hold attributes."""
    data = b""
    for _ in range(2_000):
        for field in (b"\x0a", b"\x2a", b"\x32"):
            size, length = len(data), b""
            while True:
                length += bytes([size % 128 | (128 if size >= 128 else 0)])
                size //= 128
                if not size:
                    break
            data = field + length + data
    return b"\x08\x08\x3a" + b"\xff\xff\xff\x7f"[:3] + b"\x01" + data


def node(operator: str, *inputs: str, output: str = "out", **attributes: Any) -> Any:
    return helper.make_node(operator, list(inputs), [output], **attributes)


DOUBLING = [
    node("Concat", *["image" if i == 0 else f"d{i - 1}"] * 2, output="out" if i == 59 else f"d{i}", axis=2) for i in range(60)
]
BIG = np.array([0, 0, 2**15, 2**15] * 2, np.int64)
FILES = {
    "weights in another file": changed(_external("/etc/passwd")),
    "weights in a file above": changed(_external("../../../../etc/passwd")),
    "a constant in a file beside": changed(_external_constant("secrets.env")),
    "an operator that there is not": ending(node("PyOp", "image", module="os", func="system")),
    "an operator of another domain": ending(helper.make_node("System", ["image"], ["out"], domain=COMMAND)),
    "a graph in a graph in a graph": changed(_sub_graph),
    "an image that doubles itself": ending(*DOUBLING),
    "an image enlarged without end": ending(node("Resize", "image", "", "s"), s=np.array([1, 1, 1e6, 1e6], np.float32)),
    "an image enlarged to exabytes": ending(node("Resize", "image", "", "", "s"), s=np.array([1, 3, 2**30, 2**30])),
    "an image enlarged by a number that is none": ending(
        node("Resize", "image", "", "s"), s=np.array([1, 1, np.nan, np.nan], np.float32)
    ),
    "an image padded without end": ending(node("Pad", "image", "p"), p=BIG),
    "a convolution padded without end": ending(node("Conv", "image", "main.7.weight", pads=[2**30] * 4)),
    "a product of columns and rows": ending(
        node("MatMul", "tall", "wide"), tall=np.ones((2**17, 1), np.float32), wide=np.ones((1, 2**17), np.float32)
    ),
    "millions of whole numbers": changed(_whole_numbers),
    "a weight of terabytes": changed(_constant(dims=[2**20, 2**20])),
    "a weight of a negative size": changed(_constant(dims=[-1, 8])),
    "a weight of 200 dimensions": changed(_constant(dims=[1] * 200)),
    "a weight of a type that there is not": changed(_constant(data_type=99)),
    "a weight of texts": changed(_constant(data_type=TensorProto.STRING)),
    "a weight without data": changed(_constant(raw_data=b"")),
    "a weight that is not a number": changed(lambda m: _constant(raw_data=b"\xff" * len(m.graph.initializer[0].raw_data))(m)),
    "a constant without a value": ending(node("Constant"), node("Add", "image", "out", output="out")),
    "a constant that is a graph": ending(node("Constant", output="c", value_string=SOURCE), node("Add", "image", "c")),
    "an operator without inputs": ending(node("Conv")),
    "an operator without its attributes": ending(node("Transpose", "image")),
    "an operator with another kind of attribute": ending(node("Transpose", "image", perm="0123")),
    "an input that nothing makes": ending(node("Relu", "nothing")),
    "an output that nothing makes": changed(lambda m: setattr(m.graph.output[0], "name", "nothing")),
    "an output that is no tensor": ending(node("Identity", "shape")),
    "a mode that there is not": ending(node("Resize", "image", "", "scales", mode="os")),
    "a latent of exabytes": changed(lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 2**50)),
    "a latent of a negative size": changed(lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", -8)),
    "a batch of billions": changed(lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 2**40)),
    "no inputs": changed(lambda m: m.graph.ClearField("input")),
    "no outputs": changed(lambda m: m.graph.ClearField("output")),
    "no graph": changed(lambda m: m.ClearField("graph")),
    "thirty thousand operators": changed(lambda m: m.graph.node.extend([node("Relu", "image", output="r")] * 30_000)),
    "a dimension of no size": ending(node("Flatten", "image", axis=99)),
}

ATTACKS: list[Attack] = [
    *(Attack(f"ONNX: {what}", write) for what, write in FILES.items()),
    of_bytes("ONNX: messages in messages", _deep, "attack.onnx"),
    of_bytes("ONNX: half a million empty nodes", b"\x08\x08\x3a\xc0\x84\x3d" + b"\x0a\0" * 500_000, "attack.onnx"),
    of_bytes("ONNX: nothing but its first bytes", b"\x08\x08\x12\x00\x3a\x00", "attack.onnx"),
    of_bytes("ONNX: a size beyond its end", b"\x08\x08\x3a\xff\xff\xff\x7f" + bytes(100), "attack.onnx"),
]
