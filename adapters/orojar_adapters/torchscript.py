"""The graph of a TorchScript program, for `wrap`: its instructions are followed once on a small batch and written down.

Only a program that the user has loaded comes here: a checkpoint in this format is never loaded by the readers.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from orojar_adapters.graph import MOST_NODES, OPERATIONS, SCALARS

CONTROL = {
    "__is__": lambda a, b: a is b,
    "__isnot__": lambda a, b: a is not b,
    "__not__": lambda a: not a,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "ge": lambda a, b: a >= b,
    "dim": lambda x: x.ndim,
    "len": len,
    "__range_length": lambda first, end, step: len(range(first, end, step)),
    "__derive_index": lambda i, first, step: first + i * step,
    "Bool": bool,
    "format": lambda *words: " ".join(map(str, words)),
    "warn": lambda *_: None,
    "__contains__": lambda items, item: item in items,
}
"""What decides on branches alone."""
SAME = ("aten::Int", "aten::Float", "aten::ScalarImplicit", "prim::NumToTensor", "aten::detach", "aten::IntImplicit")


class Value(NamedTuple):
    """A value of the run on the small batch, and how the graph writes it: a constant, or a reference to what made it."""

    now: Any
    written: Any


class Recorder:
    """Follows a program.

    Attributes:
        nodes: the graph so far, as `Generic` takes it.
        weights: tensors that the program holds, by their names in the graph.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: dict[str, Tensor] = {}
        self.values: dict[str, Value] = {}
        self.paths: dict[str, str] = {}

    def follow(self, block: Any) -> None:
        """Runs every instruction of a block.

        Raises:
            ValueError: one that no graph can hold.
        """
        for node in block.nodes():
            self._step(node, [self.values.get(item.debugName()) for item in node.inputs()])

    def _step(self, node: Any, inputs: list[Any]) -> None:
        kind, outputs = node.kind(), [item.debugName() for item in node.outputs()]
        if kind == "prim::Constant":
            output = next(node.outputs())
            value = output.toIValue() if output.type().kind() != "FunctionType" else None
            self.values[outputs[0]] = self._weight(f"constant_{len(self.weights)}", value)
        elif kind == "prim::GetAttr":
            self._attribute(node, outputs[0])
        elif kind in ("prim::ListConstruct", "prim::TupleConstruct"):
            self.values[outputs[0]] = Value([item.now for item in inputs], [item.written for item in inputs])
        elif kind in ("prim::ListUnpack", "prim::TupleUnpack"):
            for i, name in enumerate(outputs):
                self.values[name] = self._item(inputs[0], i)
        elif kind == "prim::If":
            block = list(node.blocks())[0 if inputs[0].now else 1]
            self.follow(block)
            for name, item in zip(outputs, block.outputs(), strict=True):
                self.values[name] = self.values[item.debugName()]
        elif kind == "prim::Loop":
            self._loop(node, inputs, outputs)
        elif kind == "prim::Uninitialized":
            self.values[outputs[0]] = Value(None, None)
        elif kind in SAME:
            self.values[outputs[0]] = inputs[0]
        elif kind.startswith("aten::"):
            self._call(kind.removeprefix("aten::"), inputs, outputs[0] if outputs else "")
        else:
            raise ValueError(f"the program holds {kind}, which a graph cannot")

    def _loop(self, node: Any, inputs: list[Value], outputs: list[str]) -> None:
        most, going, *carried = inputs
        (block,) = node.blocks()
        counter, *names = [item.debugName() for item in block.inputs()]
        rounds = 0
        while going.now and rounds < min(most.now, MOST_NODES):
            self.values |= {counter: Value(rounds, rounds), **dict(zip(names, carried, strict=True))}
            self.follow(block)
            going, *carried = [self.values[item.debugName()] for item in block.outputs()]
            rounds += 1
        self.values |= dict(zip(outputs, carried, strict=True))

    def _attribute(self, node: Any, output: str) -> None:
        source = next(node.inputs()).debugName()
        path = f"{self.paths[source]}.{node.s('name')}".removeprefix(".")
        value = getattr(self.values[source].now, node.s("name"))
        self.paths[output] = path
        self.values[output] = self._weight(path.replace(".", "_"), value)

    def _weight(self, name: str, value: Any) -> Value:
        if not isinstance(value, Tensor):
            return Value(value, value if value is None or isinstance(value, (bool, int, float, str, list)) else None)
        self.weights[name] = value
        return Value(value, {"of": name})

    def _call(self, name: str, inputs: list[Value], output: str) -> None:
        name = name if name.startswith("__") else name.removesuffix("_")  # what happens in place gives the same result
        if name == "_convolution":  # what tracing writes: the last four arguments choose a backend
            name, inputs = "convolution", inputs[:9]
        now = [item.now for item in inputs]
        if name == "__getitem__":
            self.values[output] = self._item(inputs[0], now[1])
        elif name == "append":
            inputs[0].now.append(now[1])
            inputs[0].written.append(inputs[1].written)
            self.values[output] = inputs[0]
        elif name == "size":
            self._size(inputs, output)
        elif (name in CONTROL and not isinstance(now[0], Tensor)) or name in ("dim", "__is__", "__isnot__"):
            result = CONTROL[name](*now)
            self.values[output] = Value(result, result)
        elif name in SCALARS and not isinstance(now[0], Tensor):
            self._record(name, inputs, SCALARS[name](*now[:2]), output, count=2)
        elif name in OPERATIONS:
            self._record(name, inputs, getattr(torch.ops.aten, name)(*now), output)
        else:
            raise ValueError(f"the program calls {name!r}, which is none of the operations that a graph may hold")

    def _size(self, inputs: list[Value], output: str) -> None:
        """Sizes are constants but for that of the batch."""
        sizes = list(inputs[0].now.shape)
        name = self._name()
        self.nodes.append([name, "sym_size", [inputs[0].written, 0], {}])
        written: list[Any] = [{"of": name}, *sizes[1:]]
        whole = Value(sizes, written)
        self.values[output] = whole if len(inputs) == 1 else self._item(whole, inputs[1].now)

    def _item(self, items: Value, i: int) -> Value:
        if isinstance(items.written, list):
            return Value(items.now[i], items.written[i])
        name = self._name()
        self.nodes.append([name, "item", [items.written, i], {}])
        return Value(items.now[i], {"of": name})

    def _record(self, operation: str, inputs: list[Value], now: Any, output: str, count: int | None = None) -> None:
        name = self._name()
        self.nodes.append([name, operation, [_json(item.written) for item in inputs[:count]], {}])
        self.values[output] = Value(now, {"of": name})

    def _name(self) -> str:
        return f"result_{len(self.nodes)}"


def graph_of_script(program: torch.jit.ScriptModule, examples: tuple[Tensor, ...]) -> tuple[list[Any], dict[str, Tensor], str]:
    """Nodes, weights and the image's name of a program.

    Args:
        examples: a small batch of z, and rows of labels where the program takes them.

    Raises:
        ValueError: instructions that no graph can hold.
    """
    graph = program.eval().inlined_graph
    recorder = Recorder()
    this, *arguments = [item.debugName() for item in graph.inputs()]
    recorder.values[this], recorder.paths[this] = Value(program, None), ""
    if len(arguments) != len(examples):
        raise ValueError(
            f"the program takes {len(arguments)} arguments, expected {len(examples)}: z, and labels where there are any"
        )
    for name, example, word in zip(arguments, examples, ("z", "labels"), strict=False):
        recorder.values[name] = Value(example, {"of": word})
    with torch.no_grad():
        recorder.follow(graph)
    image = recorder.values[next(graph.outputs()).debugName()].written
    if not (isinstance(image, dict) and "of" in image):
        raise ValueError("the program puts out something else than one tensor of images")
    return recorder.nodes, recorder.weights, image["of"]


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
