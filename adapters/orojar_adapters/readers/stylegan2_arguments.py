"""StyleGAN2's arguments, which the shapes of its tensors tell once they have our names, whatever file they come from.

All functions raise `CheckpointError` for tensors that are missing or have too few dimensions.
"""

from collections.abc import Container
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.ops.resample import TAPS
from orojar_adapters.readers.checkpoint import Weights, image_sizes
from orojar_adapters.readers.tensors import Tensors

LR_MULTIPLIER = 0.01
"""Learning-rate multiplier of the mapping in all releases, which no tensor tells."""
FILTERS = (".kernel", "resample_filter")
"""Endings of the names of resampling filters."""


def generator_weights(
    state: dict[str, Tensor], lr_multiplier: float = LR_MULTIPLIER, conv_clamp: float | None = None
) -> Weights:
    """Returns a generator's arguments beside its tensors."""
    blocks = count_blocks(state, "synthesis.b{}.conv1.weight")
    sizes = image_sizes(blocks)
    config = {
        "resolution": sizes[-1],
        "channels": [size_of(state, f"synthesis.b{size}.conv1.weight", 0) for size in sizes],
        "image_channels": size_of(state, "synthesis.b4.torgb.weight", 0),
        **mapping_arguments(state, size_of(state, "synthesis.b4.conv1.affine.weight", 1), lr_multiplier),
        "mapping_width": size_of(state, "mapping.fc0.weight", 0),
        "conv_clamp": conv_clamp,
    }
    return Weights(config, state)


def mapping_arguments(state: dict[str, Tensor], w_size: int, lr_multiplier: float) -> dict[str, Any]:
    """Returns the arguments that a mapping's tensors tell, which StyleGAN3 shares."""
    inputs = size_of(state, "mapping.fc0.weight", 1)
    num_classes = classes_of(state)
    return {
        "latent_size": inputs - w_size if num_classes else inputs,
        "w_size": w_size,
        "num_classes": num_classes,
        "mapping_depth": depth_of(state),
        "mapping_lr_multiplier": lr_multiplier,
    }


def discriminator_weights(state: dict[str, Tensor], group: int = 4, conv_clamp: float | None = None) -> Weights:
    """Returns the arguments of a residual discriminator beside its tensors.

    Args:
        group: images that the minibatch deviation compares with each other, which no tensor tells.
    """
    sizes = image_sizes(1 + count_blocks(state, "b{}.conv0.weight", 8))
    outputs, width, num_classes = size_of(state, "b4.out.weight", 0), size_of(state, "b4.fc.weight", 0), classes_of(state)
    if not num_classes and outputs != 1:
        raise CheckpointError(f"it has {outputs} outputs, one for each class, which cannot be computed here")
    config = {
        "resolution": sizes[-1],
        "channels": [width, *(size_of(state, f"b{size}.conv0.weight", 0) for size in sizes[1:])],
        "num_classes": num_classes,
        "image_channels": size_of(state, f"b{sizes[-1]}.fromrgb.weight", 1),
        "label_size": outputs if num_classes else 512,
        "mapping_depth": depth_of(state) or 8,
        "group": group,
        "deviations": size_of(state, "b4.conv.weight", 1) - width,
        "conv_clamp": conv_clamp,
    }
    return Weights(config, state)


def count_blocks(state: Container[str], pattern: str, first: int = 4) -> int:
    """Returns how many names with the sizes `first`, twice that, ... in them there are in a row."""
    count = 0
    while pattern.format(first << count) in state:
        count += 1
    return count


def depth_of(state: dict[str, Tensor]) -> int:
    """Returns the number of a mapping's fully connected layers."""
    depth = 0
    while f"mapping.fc{depth}.weight" in state:
        depth += 1
    return depth


def classes_of(state: dict[str, Tensor]) -> int:
    """Returns the width of the label, 0 for unconditional networks."""
    return size_of(state, "mapping.embed.weight", 1) if "mapping.embed.weight" in state else 0


def size_of(state: dict[str, Tensor], name: str, dim: int) -> int:
    """Returns one dimension of a tensor."""
    if name not in state or state[name].ndim <= dim:
        found = tuple(state[name].shape) if name in state else "nothing of that name"
        raise CheckpointError(f"expected the tensor {name!r} with more than {dim} dimensions, found {found}")
    return state[name].shape[dim]


def drop_filters(old: Tensors) -> None:
    """Takes the resampling filters, constants here; refuses others than [1, 3, 3, 1], which nearly all StyleGAN2 have."""
    wanted = torch.outer(torch.tensor(TAPS), torch.tensor(TAPS))
    for name in old:
        if name.endswith(FILTERS):
            taps = old.take(name).float().squeeze()
            found = taps / taps.sum()
            if found.shape != wanted.shape or not torch.allclose(found, wanted, atol=1e-5):
                shown = taps.tolist() if taps.numel() <= 16 else f"of the size {tuple(taps.shape)}"
                raise CheckpointError(f"its resampling filter is {shown}, only that of [1, 3, 3, 1] can be computed here")
