"""BigGAN-PyTorch's BigGAN (ajbrock): the state dict of G or G_ema, all sizes only in the shapes.

Batch norm adds 1e-5 to variances in that code unless set otherwise, which the file does not tell.
"""

import math
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.networks.biggan import MOST_BLOCKS
from orojar_adapters.readers.checkpoint import Weights
from orojar_adapters.readers.tensors import Tensors

MARKS = ("linear.weight", "blocks.0.0.conv1.weight", "blocks.0.0.bn1.gain.weight", "output_layer.2.weight")
STATISTICS = {"stored_mean": ("stored_mean", "bn.stored_mean", "bn.running_mean")}
STATISTICS["stored_var"] = tuple(name.replace("mean", "var") for name in STATISTICS["stored_mean"])
"""The plain spelling, that of its own batch norm (`mybn`) and that of the synchronized one (`cross_replica`)."""


def generator(old: Tensors) -> Weights:
    """Returns the generator, its spectral norm divided out."""
    if "blocks.0.0.conv4.weight" in old:
        raise CheckpointError("it is a BigGAN-deep of BigGAN-PyTorch, which is not read; expected its BigGAN (BigGAN.py)")
    blocks = old.count("blocks.{}.0.conv1.weight")
    if blocks > MOST_BLOCKS:
        raise CheckpointError(f"its images would be doubled {blocks} times in size, no BigGAN's are")
    config = _sizes(old, blocks)
    shared = config["embedding_size"] is not None
    new = {"shared.weight": old.take("shared.weight", 2).T} if shared else {}
    new |= _normed(old, "linear", 2, "linear")
    for i in range(blocks):
        for conv in ("conv1", "conv2", "conv_sc"):
            new |= _normed(old, f"blocks.{i}.0.{conv}", 4, f"blocks.{i}.{conv}")
        for norm in ("bn1", "bn2"):
            new |= _statistics(old, f"blocks.{i}.0.{norm}", f"blocks.{i}.{norm}")
            for part in ("gain", "bias"):
                name = f"blocks.{i}.{norm}.{part}"
                new |= _normed(old, f"blocks.{i}.0.{norm}.{part}", 2, name, bias=False)
                if not shared:  # an embedding for each layer: one row a class
                    new[f"{name}.weight"] = new[f"{name}.weight"].T
        if i in config["attention"]:
            for conv in ("theta", "phi", "g", "o"):
                new |= _normed(old, f"blocks.{i}.1.{conv}", 4, f"blocks.{i}.attention.{conv}", bias=False)
            new[f"blocks.{i}.attention.gamma"] = old.take(f"blocks.{i}.1.gamma").squeeze()
    new |= _statistics(old, "output_layer.0", "norm")
    new |= {f"norm.{part}": old.take(f"output_layer.0.{part}") for part in ("gain", "bias")}
    new |= _normed(old, "output_layer.2", 4, "to_rgb")
    old.finish()
    return Weights(config, new)


def _sizes(old: Tensors, blocks: int) -> dict[str, Any]:
    """Returns the arguments of `BigGAN` that the shapes tell."""
    convs = [old.get(f"blocks.{i}.0.conv1.weight", 4).shape for i in range(blocks)]
    channels = [convs[0][1], *(shape[0] for shape in convs)]
    features, chunk = old.get("linear.weight", 2).shape
    side = math.isqrt(features // channels[0])
    if side * side * channels[0] != features:
        raise CheckpointError(
            f"its first layer makes {features} values, which are not a square image of {channels[0]} channels"
        )
    entry = old.get("blocks.0.0.bn1.gain.weight", 2).shape
    classes, embedding = old.get("shared.weight", 2).shape if "shared.weight" in old else (entry[0], None)
    hierarchical = embedding is not None and entry[1] > embedding
    return {
        "channels": channels,
        "num_classes": classes,
        "latent_size": chunk * (blocks + 1) if hierarchical else chunk,
        "embedding_size": embedding,
        "hierarchical": hierarchical,
        "attention": [i for i in range(blocks) if f"blocks.{i}.1.gamma" in old],
        "first_resolution": side,
        "image_channels": old.get("output_layer.2.weight", 4).shape[0],
    }


def _normed(old: Tensors, theirs: str, dims: int, ours: str, bias: bool = True) -> dict[str, Tensor]:
    """Takes a layer, its weight over the largest singular value where the file keeps a vector for that (`G_param='SN'`)."""
    weight = old.take(f"{theirs}.weight", dims)
    if f"{theirs}.u0" in old:
        u = old.take(f"{theirs}.u0", 2)
        if u.shape != (1, weight.shape[0]):
            raise CheckpointError(
                f"{theirs + '.u0'!r} should hold one value for each output of {tuple(weight.shape)}, it has {tuple(u.shape)}"
            )
        weight = divided_by_estimate(weight, u)
        # the values themselves are logs; further pairs, where there are any, have no effect on the first
        old.drop(*(f"{theirs}.{kind}{i}" for kind in ("u", "sv") for i in range(9)))
    new = {f"{ours}.weight": weight}
    return new | {f"{ours}.bias": old.take(f"{theirs}.bias", 1)} if bias else new


def divided_by_estimate(weight: Tensor, u: Tensor) -> Tensor:
    """Returns a weight over its largest singular value as that code estimates it: one power step from the row `u`.

    Spectral norm of Miyato et al., ICLR 2018, as in evaluation mode.
    """
    matrix = weight.float().flatten(1)
    v = F.normalize(u.float() @ matrix, dim=1)
    left = F.normalize(v @ matrix.T, dim=1)
    return weight / (v @ matrix.T @ left.T).squeeze()


def _statistics(old: Tensors, theirs: str, ours: str) -> dict[str, Tensor]:
    counter = f"{theirs}.bn.accumulation_counter"
    if counter in old and old.take(counter).ne(0).any():
        raise CheckpointError(
            f"{theirs!r} has accumulated standing statistics (its accumulation_counter is not 0), and the file does not tell "
            "whether they still count; expected running averages"
        )
    old.drop(f"{theirs}.bn.num_batches_tracked")
    found = {name: [spelling for spelling in spelt if f"{theirs}.{spelling}" in old] for name, spelt in STATISTICS.items()}
    return {f"{ours}.{name}": old.take(f"{theirs}.{(spelt or [name])[0]}") for name, spelt in found.items()}
