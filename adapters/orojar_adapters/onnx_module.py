"""An ONNX graph as a module of torch: one function an operator, for `wrap`.

ONNX files are graphs of named operators with constants, no program: nothing in them can be run but what is written here.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.errors import CheckpointError

Attributes = dict[str, Any]


class OnnxModule(nn.Module):
    """Computes what an ONNX graph computes.

    Args:
        nodes: `(operator, inputs, outputs, attributes)` in order, names as in the file.
        constants: tensors by name; those of floating point become parameters, statistics of normalisations buffers.
        inputs: names of z, and of the labels where there are any.
        output: name of the images.
        batch: size of the batch that the file was made with, where its shapes are fixed; it becomes any size.

    Raises:
        CheckpointError: an operator that is not known; lists those that are.
    """

    def __init__(
        self,
        nodes: list[tuple[str, list[str], list[str], Attributes]],
        constants: dict[str, Tensor],
        inputs: list[str],
        output: str,
        batch: int | None,
    ) -> None:
        super().__init__()
        if unknown := sorted({operator for operator, *_ in nodes} - OPERATORS.keys()):
            raise CheckpointError(f"its graph uses the operators {unknown[:5]}; known are {', '.join(sorted(OPERATORS))}")
        self.nodes, self.inputs, self.output, self.batch = nodes, inputs, output, batch
        settings = {name for operator, names, *_ in nodes if operator in ("Resize", "Upsample", "Clip") for name in names[1:]}
        self.fixed = {
            name: tensor.tolist() for name, tensor in constants.items() if name in settings or not tensor.is_floating_point()
        }
        self.names = {name: f"weight_{i}" for i, name in enumerate(constants.keys() - self.fixed.keys())}
        statistics = {name for operator, names, *_ in nodes if operator == "BatchNormalization" for name in names[3:5]}
        for name, own in self.names.items():
            if name in statistics:
                self.register_buffer(own, constants[name].float())
            else:
                self.register_parameter(own, nn.Parameter(constants[name].float()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        results: dict[str, Any] = dict(zip(self.inputs, (z, labels), strict=False))
        results |= self.fixed | {name: getattr(self, own) for name, own in self.names.items()}
        results[""] = None  # how ONNX writes an input that is left out
        for operator, inputs, outputs, attributes in self.nodes:
            args = [results[name] for name in inputs]
            if operator == "Reshape" and self.batch is not None:
                args[1] = _any_batch(args[1], self.batch)
            made = OPERATORS[operator](args, attributes)
            results |= dict(zip(outputs, made if isinstance(made, (tuple, list)) else [made], strict=False))
        return results[self.output]


def _any_batch(sizes: list[int], batch: int) -> list[int]:
    return [-1, *sizes[1:]] if sizes and sizes[0] == batch and -1 not in sizes[1:] else sizes


def _ints(value: Any) -> list[int]:
    """Sizes, axes and the like, which must be constants in the file."""
    if not isinstance(value, (list, tuple)):
        raise CheckpointError("its graph computes sizes while it runs; only constant ones are read")
    return [int(item) for item in value]


def _axes(args: list[Any], attributes: Attributes) -> list[int]:
    return _ints(args[1]) if len(args) > 1 and args[1] is not None else _ints(attributes["axes"])


def _padding(attributes: Attributes) -> tuple[list[int], list[int]]:
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise CheckpointError(f"its graph pads by {attributes['auto_pad']}, only explicit pads are read")
    pads = attributes.get("pads", [0, 0, 0, 0])
    return pads[: len(pads) // 2], pads[len(pads) // 2 :]


def _conv(args: list[Any], attributes: Attributes) -> Tensor:
    x, weight, bias = args[0], args[1], args[2] if len(args) > 2 else None
    begin, end = _padding(attributes)
    if begin != end:
        x, begin = F.pad(x, [n for pair in zip(reversed(begin), reversed(end), strict=True) for n in pair]), [0] * len(begin)
    return F.conv2d(
        x,
        weight,
        bias,
        attributes.get("strides", [1, 1]),
        begin,
        attributes.get("dilations", [1, 1]),
        attributes.get("group", 1),
    )


def _conv_transpose(args: list[Any], attributes: Attributes) -> Tensor:
    begin, end = _padding(attributes)
    if begin != end or "output_shape" in attributes:
        raise CheckpointError("its graph has a transposed convolution with uneven pads or a given output shape")
    return F.conv_transpose2d(
        args[0],
        args[1],
        args[2] if len(args) > 2 else None,
        attributes.get("strides", [1, 1]),
        begin,
        attributes.get("output_padding", [0, 0]),
        attributes.get("group", 1),
        attributes.get("dilations", [1, 1]),
    )


def _gemm(args: list[Any], attributes: Attributes) -> Tensor:
    x = args[0].t() if attributes.get("transA") else args[0]
    weight = args[1] if attributes.get("transB") else args[1].t()
    bias = args[2] if len(args) > 2 else None
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    if alpha == beta == 1:
        return F.linear(x, weight, bias)
    product = alpha * F.linear(x, weight)
    return product if bias is None else product + beta * bias


def _resize(args: list[Any], attributes: Attributes) -> Tensor:
    sizes = args[3] if len(args) > 3 else None
    scales = args[2] if len(args) > 2 else args[1]
    mode = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}[attributes.get("mode", "nearest")]
    corners = attributes.get("coordinate_transformation_mode") == "align_corners"
    how: dict[str, Any] = {"mode": mode} if mode == "nearest" else {"mode": mode, "align_corners": corners}
    if sizes is not None:
        return F.interpolate(args[0], size=_ints(sizes)[2:], **how)
    return F.interpolate(args[0], scale_factor=[float(scale) for scale in scales[2:]], **how)


def _slice(args: list[Any], _: Attributes) -> Tensor:
    x, starts, ends = args[0], _ints(args[1]), _ints(args[2])
    axes = _ints(args[3]) if len(args) > 3 and args[3] is not None else list(range(len(starts)))
    steps = _ints(args[4]) if len(args) > 4 and args[4] is not None else [1] * len(starts)
    index: list[slice] = [slice(None)] * x.ndim
    for axis, first, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis] = slice(first, min(end, 2**31), step)
    return x[tuple(index)]


def _reshape(args: list[Any], _: Attributes) -> Tensor:
    sizes = _ints(args[1])
    return args[0].reshape([args[0].shape[i] if size == 0 else size for i, size in enumerate(sizes)])


def _reduce(function: Callable[..., Tensor]) -> Callable[[list[Any], Attributes], Tensor]:
    def reduced(args: list[Any], attributes: Attributes) -> Tensor:
        given = (len(args) > 1 and args[1] is not None) or "axes" in attributes
        axes = _axes(args, attributes) if given else list(range(args[0].ndim))
        return function(args[0], dim=axes, keepdim=bool(attributes.get("keepdims", 1)))

    return reduced


def _each(function: Callable[..., Tensor]) -> Callable[[list[Any], Attributes], Tensor]:
    return lambda args, _: function(*args)


def _squeeze(args: list[Any], attributes: Attributes) -> Tensor:
    return args[0].squeeze(_axes(args, attributes))


def _unsqueeze(args: list[Any], attributes: Attributes) -> Tensor:
    x = args[0]
    for axis in sorted(_axes(args, attributes)):
        x = x.unsqueeze(axis)
    return x


OPERATORS: dict[str, Callable[[list[Any], Attributes], Any]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _each(torch.matmul),
    "BatchNormalization": lambda args, at: F.batch_norm(
        args[0], args[3], args[4], args[1], args[2], eps=at.get("epsilon", 1e-5)
    ),
    "InstanceNormalization": lambda args, at: F.instance_norm(
        args[0], weight=args[1], bias=args[2], eps=at.get("epsilon", 1e-5)
    ),
    "Relu": _each(torch.relu),
    "LeakyRelu": lambda args, at: F.leaky_relu(args[0], at.get("alpha", 0.01)),
    "PRelu": lambda args, _: torch.where(args[0] > 0, args[0], args[0] * args[1]),
    "Elu": lambda args, at: F.elu(args[0], at.get("alpha", 1.0)),
    "Tanh": _each(torch.tanh),
    "Sigmoid": _each(torch.sigmoid),
    "Softplus": _each(F.softplus),
    "Clip": lambda args, _: args[0].clamp(*[float(n) if n is not None else None for n in [*args[1:], None, None][:2]]),
    "Add": _each(torch.add),
    "Sub": _each(torch.sub),
    "Mul": _each(torch.mul),
    "Div": _each(torch.div),
    "Pow": _each(torch.pow),
    "Sqrt": _each(torch.sqrt),
    "Reciprocal": _each(torch.reciprocal),
    "Neg": _each(torch.neg),
    "Exp": _each(torch.exp),
    "Abs": _each(torch.abs),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Reshape": _reshape,
    "Flatten": lambda args, at: args[0].flatten(at.get("axis", 1)),
    "Transpose": lambda args, at: args[0].permute(at["perm"]),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": lambda args, at: torch.cat(args, dim=at["axis"]),
    "Slice": _slice,
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": lambda args, at: _pad(args, at),
    "Identity": lambda args, _: args[0],
    "Dropout": lambda args, _: args[0],
    "DepthToSpace": lambda args, at: F.pixel_shuffle(args[0], at["blocksize"]),
}


def _pad(args: list[Any], attributes: Attributes) -> Tensor:
    pads = _ints(args[1]) if len(args) > 1 else _ints(attributes["pads"])
    half = len(pads) // 2
    sides = [n for begin, end in zip(reversed(pads[:half]), reversed(pads[half:]), strict=True) for n in (begin, end)]
    while len(sides) > 2 and sides[-2:] == [0, 0]:  # the batch and the channels, which torch wants left out
        sides = sides[:-2]
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[attributes.get("mode", "constant")]
    return F.pad(args[0], sides, mode=mode)
