"""A graph of tensor operations as data: what may be in it, and how one operation of it is computed.

Only the operations named here are ever called.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

OPERATIONS = frozenset(
    """
    linear addmm mm bmm matmul baddbmm einsum conv1d conv2d convolution conv_transpose1d conv_transpose2d embedding
    batch_norm instance_norm group_norm layer_norm rms_norm relu relu6 leaky_relu prelu elu selu celu gelu silu mish tanh
    sigmoid hardtanh hardsigmoid hardswish softplus softsign softmax log_softmax clamp clamp_min clamp_max
    add sub rsub mul div pow square sqrt rsqrt exp log neg abs sin cos reciprocal maximum minimum lerp where
    eq ne lt gt le ge sum mean var std amax amin norm linalg_vector_norm cumsum floor_divide remainder
    view reshape flatten unflatten permute transpose t squeeze unsqueeze expand expand_as repeat repeat_interleave cat
    stack slice select narrow split chunk unbind index index_select gather flip roll tile movedim broadcast_to view_as
    pad constant_pad_nd reflection_pad2d replication_pad2d sym_size size zeros ones full arange zeros_like ones_like
    full_like upsample_nearest2d upsample_bilinear2d upsample_bicubic2d pixel_shuffle avg_pool2d max_pool2d
    adaptive_avg_pool2d _upsample_bilinear2d_aa grid_sampler clone contiguous detach alias to type_as _to_copy dropout
    feature_dropout lift_fresh_copy
    """.split()  # noqa: SIM905
)
"""Names of ATen operations that compute a result and do nothing else."""
SCALARS = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "floordiv": lambda a, b: a // b}
"""What graphs compute of sizes."""
DTYPES = {
    str(dtype).removeprefix("torch."): dtype for dtype in (torch.float32, torch.float64, torch.int64, torch.int32, torch.bool)
}
MOST_NODES = 20_000


def check_graph(nodes: list[Any], weights: dict[str, list[int]], image: str) -> None:
    """Refuses a graph with operations that are not known, or names that nothing earlier bears.

    Raises:
        ValueError: names what is wrong.
    """
    if len(nodes) > MOST_NODES:
        raise ValueError(f"a graph of {len(nodes)} operations is larger than any generator's ({MOST_NODES})")
    known = {"z", "labels", *weights}
    for node in nodes:
        if not (isinstance(node, list) and len(node) == 4 and isinstance(node[0], str) and isinstance(node[2], list)):
            raise ValueError("every node of a graph must be [name, operation, arguments, keywords]")
        name, operation, args, keywords = node
        if operation not in OPERATIONS and operation not in SCALARS and operation != "item":
            raise ValueError(f"the graph calls {operation!r}, which is none of the known operations")
        if lost := set(references([args, keywords])) - known:
            raise ValueError(f"the graph's {name!r} uses {sorted(lost)[:3]}, which nothing before it makes")
        known.add(name)
    if image not in known:
        raise ValueError(f"the graph makes no {image!r}, which should be its image")


def references(value: Any) -> list[str]:
    """The names that an argument refers to."""
    if isinstance(value, dict):
        return [value["of"]] if "of" in value else references(list(value.values()))
    return [name for item in value for name in references(item)] if isinstance(value, list) else []


def last_uses(nodes: Sequence[Any], kept: Iterable[str]) -> list[list[str]]:
    """For each node the results that nothing after it needs any more, its own among them; those to be kept are in none."""
    last = {name: i for i, (name, *_) in enumerate(nodes)}
    for i, (_, _, args, keywords) in enumerate(nodes):
        last |= {of: i for of in [*references(args), *references(keywords)] if of in last}
    found: list[list[str]] = [[] for _ in nodes]
    for name in last.keys() - set(kept):
        found[last[name]].append(name)
    return found


def argument(value: Any, results: dict[str, Any]) -> Any:
    """An argument with results in the place of references."""
    if isinstance(value, list):
        return [argument(item, results) for item in value]
    if not isinstance(value, dict):
        return value
    if "of" in value:
        return results[value["of"]]
    if "dtype" in value:
        return DTYPES[value["dtype"]]
    return {key: argument(item, results) for key, item in value.items()}


def call(operation: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """The result of one operation; sizes are plain numbers."""
    if operation == "item":
        items, i = args
        if not isinstance(items, (list, tuple, Tensor)) or not isinstance(i, int):
            raise ValueError(f"no item {i!r} of a {type(items).__name__}")
        return items[i]
    if operation in SCALARS and not any(isinstance(arg, Tensor) for arg in args):
        if not all(isinstance(arg, (int, float)) and abs(arg) < 2**31 for arg in args):
            raise ValueError("it reckons with something else than numbers")
        return SCALARS[operation](*args)
    return getattr(torch.ops.aten, operation)(*args, **keywords)
