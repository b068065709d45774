"""From a module in memory to the family `generic`: its graph is taken once, then the module is not needed any more."""

import operator
from typing import Any

import torch
from torch import Tensor, nn

from orojar_adapters.generic import Generic
from orojar_adapters.graph import OPERATIONS, SCALARS, references
from orojar_adapters.graph_shapes import shapes_of
from orojar_adapters.torchscript import graph_of_script

PYTHON = {
    operator.add: "add",
    operator.sub: "sub",
    operator.mul: "mul",
    operator.floordiv: "floordiv",
    operator.getitem: "item",
}
SKIPPED = ("_assert", "sym_constrain", "_guards_fn")
CONVOLUTIONS = ("conv2d", "conv_transpose2d", "convolution")


def wrap(
    module: nn.Module,
    latent_size: int | tuple[int, ...],
    num_classes: int = 0,
    image_range: tuple[float, float] = (-1.0, 1.0),
) -> Generic:
    """A generator of our contract that computes what a module computes, with its weights; the module stays as it is.

    It can be saved, pushed and tuned: what is kept is the graph of tensor operations, taken with `torch.export`.

    Args:
        module: from a batch of z to images; in evaluation mode, without noise of its own. A TorchScript program is taken too.
        latent_size: width of z, or its shape as in (100, 1, 1).
        num_classes: where the module takes labels beside z: width of the rows of label values.
        image_range: what the module puts out for black and for white.

    Raises:
        ValueError: a module that cannot be taken as a graph, or one that puts out no square images.
    """
    shape = (latent_size,) if isinstance(latent_size, int) else tuple(latent_size)
    if isinstance(module, torch.jit.ScriptModule):
        examples = (torch.zeros(2, *shape), *([torch.zeros(2, num_classes)] if num_classes else []))
        nodes, weights, image = graph_of_script(module, examples)
        buffers = [name for name, tensor in weights.items() if not isinstance(tensor, nn.Parameter)]
    else:
        nodes, weights, image, buffers = _exported(module, shape, num_classes)
    sizes = shapes_of(nodes, {name: list(tensor.shape) for name, tensor in weights.items()}, list(shape), num_classes)
    resolution, channels = _square(sizes.get(image))
    features = [[name, sizes[name][-1]] for name, operation, *_ in nodes if operation in CONVOLUTIONS and name != image]
    generic = Generic(
        nodes=nodes,
        weights={name: list(tensor.shape) for name, tensor in weights.items()},
        image=image,
        resolution=resolution,
        latent_shape=list(shape),
        image_channels=channels,
        num_classes=num_classes,
        features=sorted(features, key=lambda feature: feature[1]),
        image_range=list(image_range),
        buffers=buffers,
    )
    generic.load_state_dict({name: tensor.detach().float().contiguous().clone() for name, tensor in weights.items()})
    return generic.eval()


Taken = tuple[list[Any], dict[str, Tensor], str, list[str]]


def _exported(module: nn.Module, shape: tuple[int, ...], num_classes: int) -> Taken:
    """Nodes, weights by their names in the graph, the image's name, and which weights are no parameters."""
    examples = (torch.zeros(2, *shape), *([torch.zeros(2, num_classes)] if num_classes else []))
    batch = torch.export.Dim("batch")
    try:
        program = torch.export.export(module.eval(), examples, dynamic_shapes=tuple({0: batch} for _ in examples))
    except Exception as e:  # torch.export raises whatever the module's code meets
        raise ValueError(f"the module cannot be taken as a graph of tensor operations: {str(e).splitlines()[0][:300]}") from e
    signature = program.graph_signature
    held = {**program.state_dict, **program.constants}
    origins = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    inputs = dict(zip(signature.user_inputs, ("z", "labels"), strict=False))
    nodes: list[Any] = []
    image = ""
    for node in program.graph.nodes:
        if node.op == "call_function":
            name = _operation(node.target)
            if name is not None:
                nodes.append([node.name, name, _plain(list(node.args), inputs), _plain(dict(node.kwargs), inputs)])
        elif node.op == "output":
            image = node.args[0][0].name
    used = {name for node in nodes for name in references(node[2:])}
    weights = {name: held[origin] for name, origin in origins.items() if name in used}
    return nodes, weights, image, [name for name in weights if name not in signature.inputs_to_parameters]


def _operation(target: Any) -> str | None:
    """The name of an operation, None for one that only checks.

    Raises:
        ValueError: one that is not known.
    """
    name = PYTHON.get(target) or (target._schema.name.removeprefix("aten::") if hasattr(target, "_schema") else str(target))
    if any(word in name for word in SKIPPED):
        return None
    name = (
        "sym_size" if name.startswith("sym_size") else name.removesuffix("_") if name.removesuffix("_") in OPERATIONS else name
    )
    if name not in OPERATIONS and name not in SCALARS and name != "item":
        raise ValueError(f"the module calls {name!r}, which is none of the operations that a graph may hold")
    return name


def _plain(value: Any, inputs: dict[str, str]) -> Any:
    """An argument as JSON."""
    if isinstance(value, torch.fx.Node):
        return {"of": inputs.get(value.name, value.name)}
    if isinstance(value, (list, tuple)):
        return [_plain(item, inputs) for item in value]
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in ("device", "pin_memory", "layout", "memory_format")}
        return {key: _plain(item, inputs) for key, item in kept.items()}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"the module's graph holds a {type(value).__name__}, which JSON cannot")


def _square(shape: tuple[int, ...] | None) -> tuple[int, int]:
    if shape is None or len(shape) != 4 or shape[2] != shape[3] or shape[1] not in (1, 3, 4):
        raise ValueError(f"expected square images of 1, 3 or 4 channels, the module puts out {shape}")
    return shape[2], shape[1]
