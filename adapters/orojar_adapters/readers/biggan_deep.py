"""Reads BigGAN-deep folders of Hugging Face's pytorch-pretrained-biggan: `config.json` and `pytorch_model.bin`."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.biggan_deep import MOST_BLOCKS
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, brief, reading
from orojar_adapters.readers.folder import read_json
from orojar_adapters.readers.state_dicts import state_dicts
from orojar_adapters.readers.tensors import Tensors
from orojar_adapters.readers.torch_file import read_torch

CONFIG, WEIGHTS = "config.json", "pytorch_model.bin"
FILES = frozenset({CONFIG, WEIGHTS})
KEYS = {"z_dim", "channel_width", "num_classes", "layers", "attention_layer_position", "n_stats", "eps"}
"""Keys that distinguish its configuration from those of other models that come as these two files."""
MARK = "generator.gen_z.bias"


def is_config(path: Path) -> bool:
    """Whether a JSON file is the configuration of one of these models."""
    try:
        return read_json(path).keys() >= KEYS
    except CheckpointError:
        return False


def matches(folder: Path) -> bool:
    """Whether a folder holds one of these models."""
    return all((folder / name).is_file() for name in FILES) and is_config(folder / CONFIG)


def read(folder: Path, source: str) -> Checkpoint:
    """Returns the generator.

    Raises:
        CheckpointError: a configuration that no BigGAN-deep has, tensors missing or of another architecture.
    """
    config = _arguments(read_json(folder / CONFIG))
    with read_torch(folder / WEIGHTS) as (pickle, reader):
        networks = state_dicts(pickle.value, reader.tensor)
        old = next((found for found in networks.places.values() if MARK in found), None)
        if old is None:
            raise CheckpointError(f"{folder / WEIGHTS} does not hold the state dict of a BigGAN-deep")
        with reading("pytorch-pretrained-biggan's BigGAN-deep"):
            weights = _generator(old, config)
    facts = SourceFacts(
        source=source,
        file=WEIGHTS,
        origin="pytorch-pretrained-biggan",
        holds=("generator", *networks.discriminators),
        pickle_globals=tuple(sorted(pickle.globals)),
    )
    problem = networks.unread_discriminator("a BigGAN-deep")
    return Checkpoint("biggan-deep", weights, None, facts, problem)


def _arguments(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of `BigGANDeep` that the original's configuration tells."""
    width, layers, position = config["channel_width"], config["layers"], config["attention_layer_position"]
    if not isinstance(layers, list) or not 0 < len(layers) <= MOST_BLOCKS or not all(_is_layer(layer) for layer in layers):
        rule = f"a list of 1 to {MOST_BLOCKS} times [doubles, width before, width after]"
        raise CheckpointError(f"its layers must be {rule}, they are {brief(layers)}")
    if not isinstance(width, int) or not isinstance(position, int):
        raise CheckpointError(
            f"channel_width and attention_layer_position must be numbers, got {brief(width)}, {brief(position)}"
        )
    widths = [16, *(after for _, _, after in layers)]
    if any(before != ours for (_, before, _), ours in zip(layers, widths, strict=False)) or widths[-1] != 1:
        raise CheckpointError(
            "each of its layers must begin as wide as the one before ended, the first at 16, the last ends at 1"
        )
    if position == 0:
        raise CheckpointError("it has attention before its first layer, where no BigGAN-deep that is read has it")
    return {
        "channels": [width * ours for ours in widths],
        "ups": [i for i, (up, _, _) in enumerate(layers) if up],
        "num_classes": config["num_classes"],
        "latent_size": config["z_dim"],
        "attention": [position - 1] if 0 < position < len(layers) else [],
        "steps": config["n_stats"],
        "norm_eps": config["eps"],
    }


def _is_layer(layer: Any) -> bool:
    return isinstance(layer, list) and len(layer) == 3 and all(isinstance(part, int) and 0 <= part <= 1024 for part in layer)


def _generator(old: Tensors, config: dict[str, Any]) -> Weights:
    new = {"embedding.weight": old.take("embeddings.weight")}
    new |= _normed(old, "generator.gen_z", 2, "linear")
    number = 0
    for i, _ in enumerate(pairwise(config["channels"])):
        for part in range(4):
            norm = f"generator.layers.{number}.bn_{part}"
            new |= _statistics(old, norm, f"blocks.{i}.bn{part}")
            new |= _normed(old, f"{norm}.scale", 2, f"blocks.{i}.gain{part}", bias=False)
            new |= _normed(old, f"{norm}.offset", 2, f"blocks.{i}.bias{part}", bias=False)
            new |= _normed(old, f"generator.layers.{number}.conv_{part}", 4, f"blocks.{i}.conv{part}")
        number += 1
        if i in config["attention"]:
            for theirs, ours in {"theta": "theta", "phi": "phi", "g": "g", "o_conv": "o"}.items():
                name = f"generator.layers.{number}.snconv1x1_{theirs}"
                new |= _normed(old, name, 4, f"blocks.{i}.attention.{ours}", bias=False)
            new[f"blocks.{i}.attention.gamma"] = old.take(f"generator.layers.{number}.gamma").squeeze()
            number += 1
    new |= _statistics(old, "generator.bn", "output.norm")
    new |= {"output.gain": old.take("generator.bn.weight"), "output.bias": old.take("generator.bn.bias")}
    new |= _normed(old, "generator.conv_to_rgb", 4, "to_rgb")
    for part in ("weight", "bias"):  # it has as many outputs as channels, and only the first three are looked at
        new[f"to_rgb.{part}"] = new[f"to_rgb.{part}"][:3]
    old.finish()
    return Weights(config, new)


def _normed(old: Tensors, theirs: str, dims: int, ours: str, bias: bool = True) -> dict[str, Tensor]:
    """Takes a layer, its weight over the largest singular value that its stored vectors lead to."""
    if f"{theirs}.weight_orig" in old:
        weight = old.take(f"{theirs}.weight_orig", dims)
        u, v = old.take(f"{theirs}.weight_u"), old.take(f"{theirs}.weight_v")
        if u.shape != weight.shape[:1] or v.shape != weight.flatten(1).shape[1:]:
            raise CheckpointError(
                f"{theirs + '.weight_u'!r} and weight_v have the shapes {tuple(u.shape)} and {tuple(v.shape)}, "
                f"which do not fit a weight of {tuple(weight.shape)}"
            )
        new = {f"{ours}.weight": divided_by_stored(weight, u, v)}
    else:
        new = {f"{ours}.weight": old.take(f"{theirs}.weight", dims)}
    return new | {f"{ours}.bias": old.take(f"{theirs}.bias", 1)} if bias else new


def divided_by_stored(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Returns a weight over the singular value of the stored vectors `u` and `v`, as `torch.nn.utils.spectral_norm` does."""
    return weight / torch.dot(u.float(), weight.float().flatten(1) @ v.float())


def _statistics(old: Tensors, theirs: str, ours: str) -> dict[str, Tensor]:
    return {f"{ours}.means": old.take(f"{theirs}.running_means"), f"{ours}.variances": old.take(f"{theirs}.running_vars")}
