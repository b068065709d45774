"""ONNX files: the generator's graph and constants, made into the family `generic`. Needs the package `onnx` (an extra)."""

import importlib.util
import math
import mmap
from pathlib import Path
from typing import Any

import torch

from orojar_adapters.errors import CheckpointError
from orojar_adapters.graph_shapes import check_runs
from orojar_adapters.onnx_module import OnnxModule
from orojar_adapters.readers.checkpoint import Checkpoint, Weights
from orojar_adapters.readers.onnx_wire import check_description
from orojar_adapters.sizes import LARGEST_WIDTH
from orojar_adapters.source_facts import SourceFacts
from orojar_adapters.wrapping import wrap

IR_VERSION = b"\x08"
"""The first byte of an ONNX model: the field of its version."""
LARGEST = 2**31
MOST_NODES, MOST_WHOLE_NUMBERS = 10_000, 1000


def matches(head: bytes) -> bool:
    """Whether a file begins as ONNX models do."""
    return head[:1] == IR_VERSION and len(head) > 2 and 1 <= head[1] <= 30 and head[2] in b"\x12\x1a\x3a\x42"


def read(path: Path, source: str) -> Checkpoint:
    """The generator of an ONNX file, from one latent to images.

    Raises:
        CheckpointError: no package to read it with, damaged, data in other files, or a graph that is not a generator's.
    """
    if importlib.util.find_spec("onnx") is None:
        raise CheckpointError(f"{path.name} is an ONNX file: pip install 'orojar-finetune[onnx]' to read it")
    import onnx
    from google.protobuf.message import DecodeError

    if path.stat().st_size > LARGEST:
        raise CheckpointError(f"{path.name} is larger than the 2 GB that one ONNX file can be")
    try:
        _check_size(path)
        model = onnx.load_model(path, load_external_data=False)
    except (DecodeError, ValueError) as e:
        raise CheckpointError(f"{path.name} is a damaged ONNX file ({str(e)[:200]})") from e
    try:
        module, shape, classes = _module(model.graph, onnx)
        check_runs(module, shape, classes)  # what is followed below has been found to be of a reasonable size
        generic = wrap(module, shape, classes)
    except CheckpointError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RuntimeError) as e:
        raise CheckpointError(f"{path.name} is an ONNX graph that is no generator we can use: {str(e)[:300]}") from e
    config = {name: value for name, value in generic.config.items() if not name.startswith("_")}
    producer = " ".join(filter(None, [_text(model.producer_name), _text(model.producer_version)]))
    facts = SourceFacts(
        source=source, file=path.name, origin=f"onnx ({producer})" if producer else "onnx", holds=("generator",)
    )
    return Checkpoint("generic", Weights(config, dict(generic.state_dict())), None, facts)


def _check_size(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
        try:
            check_description(data)
        except CheckpointError as e:
            raise CheckpointError(f"{path.name} is an ONNX file that is not read: {e}") from e


def _module(graph: Any, onnx: Any) -> tuple[OnnxModule, tuple[int, ...], int]:
    if len(graph.node) > MOST_NODES or len(graph.initializer) > MOST_NODES:
        raise CheckpointError(f"its graph has more than {MOST_NODES:,} operators or weights, no generator's has")
    constants = {}
    for tensor in graph.initializer:
        constants[tensor.name] = _array(tensor, onnx)
    nodes = []
    for node in graph.node:
        attributes = {item.name: _attribute(item, onnx) for item in node.attribute}
        if node.op_type == "Constant":
            if not isinstance(attributes.get("value"), torch.Tensor):
                raise CheckpointError("its graph has a constant that is no tensor")
            constants[node.output[0]] = attributes["value"]
        else:
            nodes.append((node.op_type, list(node.input), list(node.output), attributes))
    inputs = [item for item in graph.input if item.name not in constants]
    if not 1 <= len(inputs) <= 2 or len(graph.output) != 1:
        raise CheckpointError(
            f"its graph goes from {[item.name[:40] for item in inputs][:5]} to {len(graph.output)} outputs; "
            "expected z, and labels where there are any, to one batch of images"
        )
    shapes = [[dim.dim_value for dim in item.type.tensor_type.shape.dim] for item in inputs]
    if any(not 1 < len(shape) < 6 or min(shape[1:]) < 1 or math.prod(shape[1:]) > LARGEST_WIDTH for shape in shapes):
        raise CheckpointError(f"its inputs have the shapes {shapes}; expected a batch of latents of a fixed size")
    batch = shapes[0][0] or None
    module = OnnxModule(nodes, constants, [item.name for item in inputs], graph.output[0].name, batch)
    return module.eval(), tuple(shapes[0][1:]), shapes[1][1] if len(shapes) > 1 else 0


def _array(tensor: Any, onnx: Any) -> torch.Tensor:
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise CheckpointError("its weights lie in another file; save the model with its weights inside")
    if min(tensor.dims, default=1) < 0:
        raise CheckpointError(f"its weight {tensor.name[:80]!r} has a size below zero")
    array = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
    if array.is_floating_point() and not torch.isfinite(array).all():
        raise CheckpointError(f"its weight {tensor.name[:80]!r} holds values that are not finite")
    if not array.is_floating_point() and array.numel() > MOST_WHOLE_NUMBERS:
        raise CheckpointError(
            f"its constant {tensor.name[:80]!r} holds {array.numel():,} whole numbers; they can only be sizes"
        )
    return array


def _attribute(attribute: Any, onnx: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return _array(value, onnx)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return list(value) if isinstance(value, (list, tuple)) or hasattr(value, "__len__") else value


def _text(value: str | bytes) -> str:
    """Protocol Buffers hand over a text that is not in UTF-8 as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
