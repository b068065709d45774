"""genforce's PGGAN: one sequence of layers, the first of them a convolution over a single pixel with a margin of 3.

Where up-convolutions are transposed ones (`fused_scale`), their kernels are rotated, and in x out.
"""

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights
from orojar_adapters.readers.genforce import block_sizes, check_grown, last_output
from orojar_adapters.readers.tensors import Tensors

MARKS = ("layer0.weight", "layer1.weight", "output0.weight", "output0.bias")


def generator(old: Tensors, discriminator: Tensors | None) -> Weights:
    """Returns the generator at its full resolution.

    Args:
        discriminator: it alone tells how many inputs of the first layer are classes, as it has one more output than those;
            without it all inputs are taken as z.
    """
    sizes = block_sizes(old, "output{}.weight")
    check_grown(old, "lod")
    new: dict[str, Tensor] = {}
    for i in range(2 * len(sizes)):
        new |= old.layer(f"layer{i}", f"synthesis.layers.{i}", 4)
    new["synthesis.layers.0.weight"] = new["synthesis.layers.0.weight"].flip(2, 3)
    _turn_fused(new, [f"synthesis.layers.{2 * i}" for i in range(1, len(sizes))])
    new |= last_output(old, len(sizes))
    old.finish()
    classes, inputs = _classes(discriminator, len(sizes)), new["synthesis.layers.0.weight"].shape[1]
    if classes >= inputs:
        raise CheckpointError(
            f"its discriminator has {classes} classes, its generator has only {inputs} inputs for z and class"
        )
    config = {
        "resolution": sizes[-1],
        "channels": [len(new[f"synthesis.layers.{2 * i}.bias"]) for i in range(len(sizes))],
        "latent_size": inputs - classes,
        "num_classes": classes,
        "image_channels": len(new["synthesis.torgb.bias"]),
    }
    return Weights(config, new)


def _turn_fused(new: dict[str, Tensor], layers: list[str]) -> None:
    """Makes plain kernels of transposed ones; all layers have one kind, which those of unequal widths tell."""
    shapes = [(len(new[f"{layer}.bias"]), new[f"{layer}.weight"].shape) for layer in layers]
    if any(shape[0] != width and shape[1] == width for width, shape in shapes):
        for layer in layers:
            new[f"{layer}.weight"] = new[f"{layer}.weight"].transpose(0, 1).flip(2, 3)


def _classes(discriminator: Tensors | None, blocks: int) -> int:
    name = f"layer{2 * blocks}.bias"
    return len(discriminator.get(name, 1)) - 1 if discriminator is not None and name in discriminator else 0
