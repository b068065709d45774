"""rosinality's StyleGAN2 (stylegan2-pytorch) in our names.

The mapping network's learning-rate multiplier is 0.01 in that code, always; sizes are only in the shapes.
"""

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.ops.mapping import Mapping
from orojar_adapters.readers.checkpoint import Weights, image_sizes
from orojar_adapters.readers.stylegan2_arguments import (
    LR_MULTIPLIER,
    depth_of,
    discriminator_weights,
    drop_filters,
    generator_weights,
    size_of,
)
from orojar_adapters.readers.tensors import Tensors

MARK = "conv1.conv.modulation.weight"
MOST_WEIGHTS = 2**22
"""Weights of a mapping whose mean w is computed here, which takes time; that code's has half as many: 8 layers of 512."""
AVERAGE_BATCHES, AVERAGE_BATCH = 10, 1000


def generator(old: Tensors, average: Tensor | None) -> Weights:
    """Returns a generator.

    Args:
        average: the mean of w (`latent_avg`); None computes it.
    """
    drop_filters(old)
    new: dict[str, Tensor] = {}
    for i in range(max(1, old.count("style.{}.weight", start=1))):
        new |= old.layer(f"style.{i + 1}", f"mapping.fc{i}", 2)
    new["synthesis.b4.const"] = old.first("input.input", 4)
    for i, size in enumerate(image_sizes(1 + old.count("to_rgbs.{}.bias"))):
        block = f"synthesis.b{size}"
        if i:
            new |= _layer(old, f"convs.{2 * i - 2}", 2 * i - 1, f"{block}.conv0", size)
        new |= _layer(old, f"convs.{2 * i - 1}" if i else "conv1", 2 * i, f"{block}.conv1", size)
        rgb = f"to_rgbs.{i - 1}" if i else "to_rgb1"
        new |= _modulated(old, rgb, f"{block}.torgb")
        new[f"{block}.torgb.bias"] = old.first(f"{rgb}.bias", 4).flatten()
    old.drop(*(name for name in old if name.startswith("noises.")))
    old.finish()
    new["mapping.w_avg"] = mean_w(new) if average is None else average.flatten()
    return generator_weights(new)


def _layer(old: Tensors, theirs: str, index: int, ours: str, size: int) -> dict[str, Tensor]:
    noise = f"noises.noise_{index}"
    if noise in old:
        noise_const = old.take(noise).squeeze()
    else:  # files of 2019 keep no noise maps: fixed ones stand in
        noise_const = torch.randn(size, size, generator=torch.Generator().manual_seed(index))
    return _modulated(old, theirs, ours) | {
        f"{ours}.bias": old.take(f"{theirs}.activate.bias", 1),
        f"{ours}.noise_strength": old.take(f"{theirs}.noise.weight").squeeze(),
        f"{ours}.noise_const": noise_const,
    }


def _modulated(old: Tensors, theirs: str, ours: str) -> dict[str, Tensor]:
    new = old.layer(f"{theirs}.conv.modulation", f"{ours}.affine", 2)
    return new | {f"{ours}.weight": old.first(f"{theirs}.conv.weight", 5)}


def mean_w(state: dict[str, Tensor]) -> Tensor:
    """Returns the mean of w over 10,000 latents, for files without `latent_avg`: that code computes it when it generates.

    Raises:
        CheckpointError: layers that are missing, do not fit together, or are too many.
    """
    depth = depth_of(state)
    width, latent_size = (size_of(state, "mapping.fc0.weight", dim) for dim in (0, 1))
    w_size = size_of(state, f"mapping.fc{depth - 1}.weight", 0)
    if depth * max(latent_size, w_size, width) ** 2 > MOST_WEIGHTS:
        raise CheckpointError(f"a mapping of {depth} layers, {width} wide, is not StyleGAN2's")
    mapping = Mapping(latent_size, 0, w_size, depth, width, LR_MULTIPLIER)
    weights = {name: mapping.w_avg if name == "w_avg" else state[f"mapping.{name}"] for name in mapping.state_dict()}
    for name, tensor in mapping.state_dict().items():
        if weights[name].shape != tensor.shape:
            raise CheckpointError(f"mapping.{name} has the shape {tuple(weights[name].shape)}, not {tuple(tensor.shape)}")
    mapping.load_state_dict(weights)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        batches = (torch.randn(AVERAGE_BATCH, latent_size, generator=rng) for _ in range(AVERAGE_BATCHES))
        return torch.stack([mapping(z, None).mean(dim=0) for z in batches]).mean(dim=0)


FIRST = {"convs.0.0.weight": "fromrgb.weight", "convs.0.1.bias": "fromrgb.bias"}
BLOCK = {
    "conv1.0.weight": "conv0.weight",
    "conv1.1.bias": "conv0.bias",
    "conv2.1.weight": "conv1.weight",
    "conv2.2.bias": "conv1.bias",
    "skip.1.weight": "skip.weight",
}
LAST = {
    "final_conv.0.weight": "conv.weight",
    "final_conv.1.bias": "conv.bias",
    "final_linear.0.weight": "fc.weight",
    "final_linear.0.bias": "fc.bias",
    "final_linear.1.weight": "out.weight",
    "final_linear.1.bias": "out.bias",
}
"""Our names by theirs in the discriminator: of what reads the image, of a block, and of what comes after the blocks."""


def discriminator(old: Tensors) -> Weights:
    """Returns a discriminator."""
    drop_filters(old)
    blocks = old.count("convs.{}.conv1.0.weight", start=1)
    sizes = image_sizes(blocks + 1)
    new = {f"b{sizes[-1]}.{ours}": old.take(theirs) for theirs, ours in FIRST.items()}
    for i in range(blocks):
        new |= {f"b{sizes[-1 - i]}.{ours}": old.take(f"convs.{i + 1}.{theirs}") for theirs, ours in BLOCK.items()}
    new |= {f"b4.{ours}": old.take(theirs) for theirs, ours in LAST.items()}
    old.finish()
    return discriminator_weights(new)
