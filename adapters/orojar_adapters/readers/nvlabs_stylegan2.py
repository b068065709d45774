"""StyleGAN2 in the names of NVlabs' PyTorch code (stylegan2-ada-pytorch, stylegan3 repositories), which are ours.

Only the resampling filters, which are constants here, are left out.
"""

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights, image_sizes
from orojar_adapters.readers.stylegan2_arguments import (
    LR_MULTIPLIER,
    count_blocks,
    discriminator_weights,
    drop_filters,
    generator_weights,
)
from orojar_adapters.readers.tensors import Tensors

MARK = "synthesis.b4.conv1.affine.weight"


def is_export(names: Tensors) -> bool:
    """Whether these are the names of a state dict as it leaves NVlabs' classes: weights of a model folder lack the filters."""
    return MARK in names and any(name.endswith("resample_filter") for name in names)


def generator(old: Tensors, lr_multiplier: float = LR_MULTIPLIER, conv_clamp: float | None = None) -> Weights:
    """Returns a generator.

    Args:
        lr_multiplier: of the mapping network.
        conv_clamp: limit of the activations, which NVlabs set for half precision; None means none.
    """
    drop_filters(old)
    return generator_weights(old.rest(), lr_multiplier, conv_clamp)


def discriminator(old: Tensors, group: int = 4, conv_clamp: float | None = None) -> Weights:
    """Returns a discriminator of the residual architecture, which StyleGAN3 has too.

    Args:
        group: images that the minibatch deviation compares with each other.
        conv_clamp: limit of the activations; None means none.
    """
    drop_filters(old)
    sizes = image_sizes(1 + count_blocks(old, "b{}.conv0.weight", 8))
    new = old.layer(fromrgb := f"b{sizes[-1]}.fromrgb", fromrgb, 4)
    if len(sizes) > 1 and f"b{sizes[-1]}.skip.weight" not in old:
        raise CheckpointError("its blocks have no skip convolution: only the residual architecture can be computed here")
    for size in sizes[1:]:
        for layer in (f"b{size}.conv0", f"b{size}.conv1"):
            new |= old.layer(layer, layer, 4)
        new[f"b{size}.skip.weight"] = old.take(f"b{size}.skip.weight", 4)
    for layer, dims in (("b4.conv", 4), ("b4.fc", 2), ("b4.out", 2)):
        new |= old.layer(layer, layer, dims)
    if "mapping.embed.weight" in old:
        new |= old.layer("mapping.embed", "mapping.embed", 2)
        for i in range(old.count("mapping.fc{}.weight")):
            new |= old.layer(f"mapping.fc{i}", f"mapping.fc{i}", 2)
    old.finish()
    return discriminator_weights(new, group, conv_clamp)
