"""BigGAN checkpoints of other projects, made from our generators by renaming backwards: no foreign code is needed."""

import torch
from torch import Tensor, nn

from orojar_adapters.biggan import BigGAN


@torch.no_grad()
def normalized(generator: nn.Module) -> nn.Module:
    """A generator whose every linear and convolution weight has a largest singular value of 1, as behind spectral norm."""
    for layer in generator.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            layer.weight /= torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
    return generator


def ajbrock_biggan(generator: BigGAN, spectral: bool = True) -> dict[str, Tensor]:
    """The state dict of BigGAN-PyTorch's G.

    Args:
        spectral: whether its weights are stored three times as large, with the vector that spectral norm starts from.
    """
    new: dict[str, Tensor] = {}
    shared = generator.config["embedding_size"] is not None
    for name, tensor in generator.state_dict().items():
        layer, _, part = _ajbrock_name(name).rpartition(".")
        if name == "shared.weight" or (not shared and layer.endswith((".gain", ".bias"))):
            new[f"{layer}.{part}"] = tensor.T  # an embedding: one row a class, never normed
        elif part == "weight" and spectral:
            left, values, _ = torch.linalg.svd(tensor.flatten(1), full_matrices=False)
            new |= {f"{layer}.weight": 3 * tensor, f"{layer}.u0": left[:, :1].T, f"{layer}.sv0": values[:1]}
        else:
            new[f"{layer}.{part}"] = tensor
    return new


def _ajbrock_name(name: str) -> str:
    first, _, rest = name.partition(".")
    if first in ("norm", "to_rgb"):
        return f"output_layer.{0 if first == 'norm' else 2}.{rest}"
    if first != "blocks":
        return name
    number, part = rest.split(".", 1)
    return f"blocks.{number}.1.{part.removeprefix('attention.')}" if "attention" in part else f"blocks.{number}.0.{part}"
