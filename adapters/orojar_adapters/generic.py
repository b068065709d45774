"""Any generator, as a graph of known tensor operations: what `wrap` makes of a module, a TorchScript program or an ONNX file.

The graph is data: a model folder holds it as JSON beside the weights, so that somebody else can load, edit and go on tuning a
generator whose Python source they do not have. Only the operations named here are ever called.
"""

from collections.abc import Sequence
from typing import Any, final

import torch
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn

from orojar_adapters.generator import Generator, Labels, Layer, Noise

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


@final
class Generic(Generator):
    """A generator that is known by its graph alone.

    Args:
        nodes: in order, each `[name, operation, arguments, keywords]`; an argument `{"of": name}` is an earlier result, a
            weight, `z` or `labels`; `{"dtype": name}` is a type.
        weights: shapes by name; those in `buffers` are not tuned.
        image: name of the result that is the image.
        resolution: height and width of the image.
        latent_shape: of one z as the graph takes it, such as [100] or [100, 1, 1].
        image_channels: 1 gray, 3 RGB, 4 RGBA.
        num_classes: width of the rows of label values that the graph takes beside z; 0 for none.
        features: `[name, resolution]` of the results that are feature maps, in order of their resolution.
        image_range: what the graph puts out for black and for white.
        buffers: names of the weights that are not tuned.

    Raises:
        ValueError: an operation that is not known, or a name that nothing bears.
    """

    family = "generic"
    spaces = ("z",)
    has_noise = False

    @register_to_config
    def __init__(
        self,
        nodes: list[Any],
        weights: dict[str, list[int]],
        image: str,
        resolution: int,
        latent_shape: list[int],
        image_channels: int = 3,
        num_classes: int = 0,
        features: list[Any] | None = None,
        image_range: list[float] | None = None,
        buffers: list[str] | None = None,
    ) -> None:
        super().__init__()
        check_graph(nodes, weights, image)
        self.nodes, self.image, self.latent_shape = nodes, image, list(latent_shape)
        self.resolution, self.image_channels, self.num_classes = resolution, image_channels, num_classes
        self.latent_size = self.w_size = torch.Size(latent_shape).numel()
        self.features: list[tuple[str, int]] = [(str(name), int(size)) for name, size in features or []]
        self.low, self.high = image_range or [-1.0, 1.0]
        for name, shape in sorted(weights.items()):  # as config.json sorts them
            if name in (buffers or ()):
                self.register_buffer(name, torch.zeros(shape))
            else:
                self.register_parameter(name, nn.Parameter(torch.zeros(shape)))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", self.resolution),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        found = [*self.features, (self.image, self.resolution)]
        return tuple(Layer(i, "image" if name == self.image else name, size) for i, (name, size) in enumerate(found))

    def map(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
    ) -> Float[Tensor, "batch layers w"]:
        return (z * truncation)[:, None]

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        rows = self.label_rows(labels, len(ws))
        results: dict[str, Any] = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        results["z"] = ws[:, 0].reshape(len(ws), *self.latent_shape)
        if rows is not None:
            results["labels"] = rows
        for name, operation, args, keywords in self.nodes:
            results[name] = call(operation, argument(args, results), argument(keywords, results))
        results[self.image] = (results[self.image] - self.low) * (2 / (self.high - self.low)) - 1
        names = [*(name for name, _ in self.features), self.image]
        return results[self.image], [results[names[i]] for i in activations]

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        """The matrix that first meets z, of a linear layer or a convolution.

        Raises:
            ValueError: something else meets z first.
        """
        reached = {"z"}
        for name, operation, args, _ in self.nodes:
            of = references(args)
            if not reached & set(of):
                continue
            if operation in ("linear", "conv2d", "conv_transpose2d", "convolution"):
                weight = self.get_parameter(of[1]).detach()
                transposed = operation == "conv_transpose2d" or (operation == "convolution" and args[6])
                matrix = weight.flatten(1).T if transposed else weight.flatten(1)
                return [matrix[:, : self.latent_size]]  # a class that joins z comes behind it
            if operation not in ("view", "reshape", "unsqueeze", "flatten", "to", "cat") or of[0] not in reached:
                raise ValueError(f"what first meets z here is {operation}, no matrix")
            reached.add(name)
        raise ValueError("no matrix meets z here")


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
        return args[0][args[1]]
    if operation in SCALARS and not any(isinstance(arg, Tensor) for arg in args):
        return SCALARS[operation](*args)
    return getattr(torch.ops.aten, operation)(*args, **keywords)
