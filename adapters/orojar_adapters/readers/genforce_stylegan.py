"""genforce's StyleGAN: the gain of sqrt 2 comes before the leaky ReLU, style biases lack the 1, all outputs are kept.

From 128 pixels on, its up-convolutions are transposed ones (the `auto` of `fused_scale`): their kernels lie turned.
"""

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights, block_sizes
from orojar_adapters.readers.genforce_mapping import mapping
from orojar_adapters.readers.state_dict import StateDict

MARKS = {"synthesis.layer0.apply_noise.weight", "synthesis.layer0.style.weight"}
FUSED_FROM = 128


def generator(old: StateDict) -> Weights:
    """The generator at its full resolution.

    Raises:
        CheckpointError: tensors missing, or a training that had not reached its full resolution.
    """
    new, config = mapping(old, bias_gain=0.5**0.5)
    sizes = block_sizes(old.records, "synthesis.output{}.weight")
    check_grown(old, "synthesis.lod")
    for i, size in enumerate(sizes):
        for j in (2 * i, 2 * i + 1):
            _layer(old, f"synthesis.layer{j}", f"synthesis.layers.{j}", new)
        if size >= FUSED_FROM:
            new[f"synthesis.layers.{2 * i}.weight"] = new[f"synthesis.layers.{2 * i}.weight"].flip(2, 3)
    last_output(old, "synthesis.", len(sizes), new)
    config |= {
        "resolution": sizes[-1],
        "channels": [len(new[f"synthesis.layers.{2 * i}.bias"]) for i in range(len(sizes))],
        "image_channels": len(new["synthesis.torgb.bias"]),
    }
    if "mapping.label_weight" in old:
        new["embed.weight"] = old.take("mapping.label_weight", 2).T
        config |= {"num_classes": new["embed.weight"].shape[1], "latent_size": len(new["embed.weight"])}
    return Weights(config, new | old.rest())


def check_grown(old: StateDict, name: str) -> None:
    """Refuses a generator whose `lod`, the levels that progressive growing has not reached, is above 0."""
    level = old.take(name, 0).item() if name in old else 0
    if level != 0:
        raise CheckpointError(
            f"its progressive growing had {level:g} levels to go; expected a generator of the full resolution"
        )


def last_output(old: StateDict, prefix: str, blocks: int, new: dict[str, Tensor]) -> None:
    """The layer that makes the image of the full resolution; those for smaller images are left out."""
    for i in range(blocks - 1):
        old.drop(f"{prefix}output{i}.weight", f"{prefix}output{i}.bias")
    for part, dims in (("weight", 4), ("bias", 1)):
        new[f"synthesis.torgb.{part}"] = old.take(f"{prefix}output{blocks - 1}.{part}", dims)


def _layer(old: StateDict, source: str, target: str, new: dict[str, Tensor]) -> None:
    part = "const" if f"{source}.const" in old else "weight"
    tensor = old.take(f"{source}.{part}", 4)
    new[f"{target}.{part}"] = _first(tensor, f"{source}.const") if part == "const" else tensor
    if f"{source}.blur.kernel" in old:
        _check_blur(old.take(f"{source}.blur.kernel", 4))
    new[f"{target}.bias"] = old.take(f"{source}.bias", 1)
    new[f"{target}.noise_strength"] = old.take(f"{source}.apply_noise.weight", 1)
    new[f"{target}.noise_const"] = _first(old.take(f"{source}.apply_noise.noise", 4), f"{source}.apply_noise.noise")[0]
    new[f"{target}.affine.weight"] = old.take(f"{source}.style.weight", 2)
    scale, shift = old.take(f"{source}.style.bias", 1).tensor_split(2)
    new[f"{target}.affine.bias"] = torch.cat([scale + 1, shift])


def _first(tensor: Tensor, name: str) -> Tensor:
    if tensor.shape[0] != 1:
        raise CheckpointError(f"expected {name!r} with a leading dimension of 1, its shape is {tuple(tensor.shape)}")
    return tensor[0]


def _check_blur(kernel: Tensor) -> None:
    taps = torch.tensor([1.0, 2.0, 1.0]) / 4
    if kernel.shape[1:] != (1, 3, 3) or not kernel.float().sub(taps.outer(taps)).abs().max() < 1e-5:
        raise CheckpointError("its blur is another than that of [1, 2, 1], which cannot be computed here")
