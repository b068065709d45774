"""genforce's StyleGAN: the gain of sqrt 2 comes before the leaky ReLU, style biases lack the 1, all outputs are kept.

From 128 pixels on, its up-convolutions are transposed ones (the `auto` of `fused_scale`): their kernels are rotated.
"""

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights
from orojar_adapters.readers.genforce import block_sizes, check_grown, last_output, mapping
from orojar_adapters.readers.tensors import Tensors

MARKS = ("synthesis.layer0.apply_noise.weight", "synthesis.layer0.style.weight")
FUSED_FROM = 128


def generator(old: Tensors) -> Weights:
    """Returns the generator at its full resolution."""
    new, config = mapping(old, bias_gain=0.5**0.5)
    synthesis = old.under("synthesis.")
    sizes = block_sizes(synthesis, "output{}.weight")
    check_grown(synthesis, "lod")
    for i, size in enumerate(sizes):
        for j in (2 * i, 2 * i + 1):
            new |= _layer(old.under(f"synthesis.layer{j}."), f"synthesis.layers.{j}")
        if size >= FUSED_FROM:
            new[f"synthesis.layers.{2 * i}.weight"] = new[f"synthesis.layers.{2 * i}.weight"].flip(2, 3)
    new |= last_output(synthesis, len(sizes))
    config |= {
        "resolution": sizes[-1],
        "channels": [len(new[f"synthesis.layers.{2 * i}.bias"]) for i in range(len(sizes))],
        "image_channels": len(new["synthesis.torgb.bias"]),
    }
    if "mapping.label_weight" in old:
        new["embed.weight"] = old.take("mapping.label_weight", 2).T
        config |= {"num_classes": new["embed.weight"].shape[1], "latent_size": len(new["embed.weight"])}
    old.finish()
    return Weights(config, new)


def _layer(old: Tensors, ours: str) -> dict[str, Tensor]:
    if "blur.kernel" in old:
        _check_blur(old.take("blur.kernel", 4))
    scale, shift = old.take("style.bias", 1).tensor_split(2)
    return {
        **({f"{ours}.const": old.first("const", 4)} if "const" in old else {f"{ours}.weight": old.take("weight", 4)}),
        f"{ours}.bias": old.take("bias", 1),
        f"{ours}.noise_strength": old.take("apply_noise.weight", 1),
        f"{ours}.noise_const": old.first("apply_noise.noise", 4)[0],
        f"{ours}.affine.weight": old.take("style.weight", 2),
        f"{ours}.affine.bias": torch.cat([scale + 1, shift]),
    }


def _check_blur(kernel: Tensor) -> None:
    taps = torch.tensor([1.0, 2.0, 1.0]) / 4
    if kernel.shape[1:] != (1, 3, 3) or not kernel.float().sub(taps.outer(taps)).abs().max() < 1e-5:
        raise CheckpointError("its blur is another than that of [1, 2, 1], which cannot be computed here")
