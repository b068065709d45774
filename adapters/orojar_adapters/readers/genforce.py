"""What genforce's StyleGAN, StyleGAN2 and PGGAN (genforce and SeFa repositories) have in common.

The names of the layers tell the family; sizes are only in the shapes. Settings that the files do not keep are taken as that
code's defaults: no tanh at the end, the mapping's learning-rate multiplier of 0.01.
"""

from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import image_sizes
from orojar_adapters.readers.tensors import Tensors


def block_sizes(old: Tensors, pattern: str) -> list[int]:
    """Returns the image sizes of the blocks, which are counted by their numbered names."""
    old.get(pattern.format(0))
    return image_sizes(old.count(pattern))


def mapping(old: Tensors, bias_gain: float = 1.0) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns the tensors of a mapping network in our names, and the arguments that their shapes tell.

    Args:
        bias_gain: factor of the biases, which that code adds after a gain and we before it.
    """
    depth, w_size = old.count("mapping.dense{}.weight"), old.get("synthesis.layer0.style.weight", 2).shape[1]
    width, latent_size = old.get("mapping.dense0.weight", 2).shape
    average = old.take("truncation.w_avg", 1)
    if len(average) != w_size:
        raise CheckpointError(
            f"its mapping makes {len(average)} values for styles of {w_size}, one w for all layers is expected"
        )
    new = {"mapping.w_avg": average}
    for i in range(depth):
        new |= old.layer(f"mapping.dense{i}", f"mapping.fc{i}", 2)
        new[f"mapping.fc{i}.bias"] = new[f"mapping.fc{i}.bias"] * bias_gain
    return new, {"latent_size": latent_size, "w_size": w_size, "mapping_depth": depth, "mapping_width": width}


def check_grown(old: Tensors, name: str) -> None:
    """Checks that progressive growing has reached the full resolution: the levels that it lacks are called `lod`."""
    level = old.take(name, 0).item() if name in old else 0
    if level != 0:
        raise CheckpointError(
            f"its progressive growing had {level:g} levels to go; expected a generator of the full resolution"
        )


def last_output(old: Tensors, blocks: int) -> dict[str, Tensor]:
    """Takes the layer that makes the image of the full resolution, and drops those for smaller images."""
    for i in range(blocks - 1):
        old.drop(f"output{i}.weight", f"output{i}.bias")
    return old.layer(f"output{blocks - 1}", "synthesis.torgb", 4)
