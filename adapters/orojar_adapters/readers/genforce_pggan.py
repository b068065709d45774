"""genforce's PGGAN: one sequence of layers, the first of them a convolution over a single pixel with a margin of 3.

Where up-convolutions are transposed ones (`fused_scale`), their kernels lie turned, and in x out.
"""

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights, block_sizes
from orojar_adapters.readers.genforce_stylegan import check_grown, last_output
from orojar_adapters.readers.state_dict import StateDict

MARKS = {"layer0.weight", "layer1.weight", "output0.weight", "output0.bias"}


def generator(old: StateDict, critic: StateDict | None) -> Weights:
    """The generator at its full resolution.

    How many inputs of the first layer are classes is told by the discriminator alone, which names them in its outputs
    behind the first; without it all of them are taken as z.

    Raises:
        CheckpointError: tensors missing, or a training that had not reached its full resolution.
    """
    sizes = block_sizes(old.records, "output{}.weight")
    check_grown(old, "lod")
    new: dict[str, Tensor] = {}
    for i in range(2 * len(sizes)):
        new[f"synthesis.layers.{i}.weight"] = old.take(f"layer{i}.weight", 4)
        new[f"synthesis.layers.{i}.bias"] = old.take(f"layer{i}.bias", 1)
    new["synthesis.layers.0.weight"] = new["synthesis.layers.0.weight"].flip(2, 3)
    _turn_fused(new, [f"synthesis.layers.{2 * i}" for i in range(1, len(sizes))])
    last_output(old, "", len(sizes), new)
    classes, inputs = _classes(critic, len(sizes)), new["synthesis.layers.0.weight"].shape[1]
    if classes >= inputs:
        raise CheckpointError(
            f"its discriminator tells {classes} classes, its generator has only {inputs} inputs for z and class"
        )
    config = {
        "resolution": sizes[-1],
        "channels": [len(new[f"synthesis.layers.{2 * i}.bias"]) for i in range(len(sizes))],
        "latent_size": inputs - classes,
        "num_classes": classes,
        "image_channels": len(new["synthesis.torgb.bias"]),
    }
    return Weights(config, new | old.rest())


def _turn_fused(new: dict[str, Tensor], layers: list[str]) -> None:
    """Transposed kernels as plain ones; all layers have one kind, which those of unequal widths tell."""
    shapes = [(len(new[f"{layer}.bias"]), new[f"{layer}.weight"].shape) for layer in layers]
    if any(shape[0] != width and shape[1] == width for width, shape in shapes):
        for layer in layers:
            new[f"{layer}.weight"] = new[f"{layer}.weight"].transpose(0, 1).flip(2, 3)


def _classes(critic: StateDict | None, blocks: int) -> int:
    name = f"layer{2 * blocks}.bias"
    return len(critic.get(name, 1)) - 1 if critic is not None and name in critic else 0
