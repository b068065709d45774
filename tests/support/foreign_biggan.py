"""BigGAN checkpoints of other projects, made from our generators by reversing our renaming: no foreign code is needed."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from orojar_adapters.networks.biggan import BigGAN
from orojar_adapters.networks.biggan_deep import BigGANDeep


@torch.no_grad()
def normalized(generator: nn.Module) -> nn.Module:
    """A generator whose every linear and convolution weight has a largest singular value of 1, as after spectral norm."""
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


PARTS = {"gain": "bn_{}.scale", "bias": "bn_{}.offset", "conv": "conv_{}"}


def hugging_face_biggan_deep(generator: BigGANDeep, spectral: bool = True) -> dict[str, Tensor]:
    """The state dict of pytorch-pretrained-biggan's model.

    Args:
        spectral: whether its weights are stored three times as large, with the vectors of torch's spectral norm.
    """
    new: dict[str, Tensor] = {}
    for name, tensor in generator.state_dict().items():
        layer, _, part = _hugging_face_name(name, generator.config["attention"]).rpartition(".")
        if layer == "generator.conv_to_rgb":  # as many images as channels
            tensor = torch.cat([tensor, torch.zeros(generator.config["channels"][-1] - len(tensor), *tensor.shape[1:])])
        if part == "weight" and spectral and name not in ("embedding.weight", "output.gain"):
            left, _, right = torch.linalg.svd(tensor.flatten(1), full_matrices=False)
            new |= {f"{layer}.weight_orig": 3 * tensor, f"{layer}.weight_u": left[:, 0], f"{layer}.weight_v": right[0]}
        else:
            new[f"{layer}.{part}"] = tensor.view(1) if part == "gamma" else tensor
    return new


def _hugging_face_name(name: str, attention: list[int]) -> str:
    wholes = {"embedding": "embeddings", "linear": "generator.gen_z", "to_rgb": "generator.conv_to_rgb"}
    wholes |= {"output": "generator.bn"}
    statistics = {"means": "running_means", "variances": "running_vars"}
    first, *rest, part = name.split(".")
    if first != "blocks":
        part = {"gain": "weight"}.get(part, part) if first == "output" else part
        return f"{wholes[first]}.{statistics.get(part, part)}"
    block, layer, *inner = int(rest[0]), rest[1], *rest[2:]
    number = block + sum(i < block for i in attention)
    if layer == "attention":
        theirs = f"snconv1x1_{'o_conv' if inner == ['o'] else inner[0]}." if inner else ""
        return f"generator.layers.{number + 1}.{theirs}{part}"
    if layer.startswith("bn"):
        return f"generator.layers.{number}.bn_{layer[2:]}.{statistics[part]}"
    return f"generator.layers.{number}.{PARTS[layer[:-1]].format(layer[-1])}.{part}"


def hugging_face_config(generator: BigGANDeep) -> dict[str, Any]:
    """Its configuration, for a generator whose last channels are a sixteenth of the first."""
    channels, (attention,) = generator.config["channels"], generator.config["attention"]
    widths = [width // channels[-1] for width in channels]
    layers = [[i in generator.config["ups"], *widths[i : i + 2]] for i in range(len(widths) - 1)]
    return {
        "attention_layer_position": attention + 1,
        "channel_width": channels[-1],
        "class_embed_dim": generator.latent_size,
        "eps": generator.config["norm_eps"],
        "layers": layers,
        "n_stats": generator.config["steps"],
        "num_classes": generator.num_classes,
        "output_dim": generator.resolution,
        "z_dim": generator.latent_size,
    }


def save_biggan_deep(folder: Path, config: dict[str, Any], state: Any, zipped: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    return folder
