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
from orojar_adapters.graph import argument, call, check_graph, last_uses, references
from orojar_adapters.graph_shapes import BATCH, shapes_of
from orojar_adapters.sizes import LARGEST_IMAGE, MOST_CLASSES, check_size

LARGEST_RANGE = 2**16


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
        ValueError: an operation that is not known, a name that nothing bears, or sizes that do not go together.
    """

    family = "generic"
    title = "any generator from one latent to images"
    files = "ONNX; in Python `orojar_adapters.wrap(module, latent_size)`, also TorchScript"
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
        _check_sizes(resolution, latent_shape, image_channels, num_classes)
        _check_shapes(shapes_of(nodes, weights, latent_shape, num_classes), image, image_channels, resolution, features or [])
        self.nodes, self.image, self.latent_shape = nodes, image, list(latent_shape)
        self.resolution, self.image_channels, self.num_classes = resolution, image_channels, num_classes
        self.latent_size = self.w_size = torch.Size(latent_shape).numel()
        self.features: list[tuple[str, int]] = [(str(name), int(size)) for name, size in features or []]
        self.low, self.high = image_range or [-1.0, 1.0]
        if not self.low < self.high < self.low + LARGEST_RANGE:
            raise ValueError(f"image_range must be two numbers, the value of black below that of white, got {image_range}")
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
        names = [*(name for name, _ in self.features), self.image]
        finished = last_uses(self.nodes, [self.image, *(names[i] for i in activations)])
        for (name, operation, args, keywords), done in zip(self.nodes, finished, strict=True):
            results[name] = call(operation, argument(args, results), argument(keywords, results))
            for each in done:
                del results[each]
        results[self.image] = (results[self.image] - self.low) * (2 / (self.high - self.low)) - 1
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


def _check_sizes(resolution: int, latent_shape: list[int], image_channels: int, num_classes: int) -> None:
    check_size("resolution", resolution, 1, LARGEST_IMAGE)
    check_size("image_channels", image_channels, 1, 4)
    check_size("num_classes", num_classes, 0, MOST_CLASSES)
    if not 1 <= len(latent_shape) <= 4:
        raise ValueError(f"latent_shape must have 1 to 4 dimensions, it has {len(latent_shape)}")
    for size in latent_shape:
        check_size("latent_shape", size)
    check_size("the number of values in a latent", torch.Size(latent_shape).numel())


def _check_shapes(shapes: dict[str, tuple[int, ...]], image: str, channels: int, resolution: int, features: list[Any]) -> None:
    """Compares what the graph makes with what is said of it."""
    if shapes.get(image) != (BATCH, channels, resolution, resolution):
        raise ValueError(
            f"the graph's image has the shape {shapes.get(image)}, not {(BATCH, channels, resolution, resolution)}"
        )
    for name, size in features:
        if len(shapes.get(name, ())) != 4 or shapes[name][-1] != size:
            raise ValueError(f"the graph's {name!r} is no feature map {size} pixels wide, its shape is {shapes.get(name)}")
