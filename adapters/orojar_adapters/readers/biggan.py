"""BigGAN files of ajbrock's BigGAN-PyTorch: the state dict of G or G_ema, all sizes only in the shapes.

Batch norm adds 1e-5 to variances in that code unless told otherwise, which the file does not say.
"""

import math
from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.biggan import MOST_BLOCKS
from orojar_adapters.readers.checkpoint import Checkpoint, Weights
from orojar_adapters.readers.spectral_norm import divided_by_estimate
from orojar_adapters.readers.state_dict import StateDict, state_dicts
from orojar_adapters.readers.tensors import TensorReader
from orojar_adapters.readers.unpickle import Pickle

NEEDED = {"linear.weight", "blocks.0.0.conv1.weight", "blocks.0.0.bn1.gain.weight", "output_layer.2.weight"}
STATISTICS = {"stored_mean": ("stored_mean", "bn.stored_mean", "bn.running_mean")}
STATISTICS["stored_var"] = tuple(name.replace("mean", "var") for name in STATISTICS["stored_mean"])
"""The plain spelling, that of its own batch norm (`mybn`) and that of the synchronized one (`cross_replica`)."""


def matches(value: Any) -> bool:
    """Whether a torch file's value is one of BigGAN-PyTorch's generators."""
    return any(records.keys() >= NEEDED for _, records in state_dicts(value))


def read(pickle: Pickle, reader: TensorReader, source: str, file: str) -> Checkpoint:
    """The generator.

    Raises:
        CheckpointError: tensors missing or of another architecture.
    """
    place, records = next(found for found in state_dicts(pickle.value) if found[1].keys() >= NEEDED)
    facts = SourceFacts(
        source=source, file=file, origin="ajbrock", holds=(place,), pickle_globals=tuple(sorted(pickle.globals))
    )
    return Checkpoint("biggan", _generator(StateDict(records, reader, "BigGAN-PyTorch's BigGAN")), None, facts)


def _generator(old: StateDict) -> Weights:
    if "blocks.0.0.conv4.weight" in old:
        raise CheckpointError("it is a BigGAN-deep of BigGAN-PyTorch, which is not read; expected its BigGAN (BigGAN.py)")
    blocks = 0
    while f"blocks.{blocks}.0.conv1.weight" in old:
        blocks += 1
    if not blocks:
        raise CheckpointError("its first block is missing: expected blocks.0.0.conv1.weight")
    if blocks > MOST_BLOCKS:
        raise CheckpointError(f"its images would be doubled {blocks} times in size, no BigGAN's are")
    config = _sizes(old, blocks)
    shared = config["embedding_size"] is not None
    new = {"shared.weight": old.take("shared.weight", 2).T} if shared else {}
    _normed(old, "linear", 2, "linear", new)
    for i in range(blocks):
        for conv in ("conv1", "conv2", "conv_sc"):
            _normed(old, f"blocks.{i}.0.{conv}", 4, f"blocks.{i}.{conv}", new)
        for norm in ("bn1", "bn2"):
            _statistics(old, f"blocks.{i}.0.{norm}", f"blocks.{i}.{norm}", new)
            for part in ("gain", "bias"):
                name = f"blocks.{i}.{norm}.{part}"
                _normed(old, f"blocks.{i}.0.{norm}.{part}", 2, name, new, bias=False)
                if not shared:  # an embedding a layer: one row a class
                    new[f"{name}.weight"] = new[f"{name}.weight"].T
        if i in config["attention"]:
            for conv in ("theta", "phi", "g", "o"):
                _normed(old, f"blocks.{i}.1.{conv}", 4, f"blocks.{i}.attention.{conv}", new, bias=False)
            new[f"blocks.{i}.attention.gamma"] = old.take(f"blocks.{i}.1.gamma").squeeze()
    _statistics(old, "output_layer.0", "norm", new)
    new |= {f"norm.{part}": old.take(f"output_layer.0.{part}") for part in ("gain", "bias")}
    _normed(old, "output_layer.2", 4, "to_rgb", new)
    return Weights(config, new | old.rest())


def _sizes(old: StateDict, blocks: int) -> dict[str, Any]:
    """The arguments of `BigGAN`, out of shapes."""
    convs = [old.get(f"blocks.{i}.0.conv1.weight", 4).shape for i in range(blocks)]
    channels = [convs[0][1], *(shape[0] for shape in convs)]
    features, chunk = old.get("linear.weight", 2).shape
    side = math.isqrt(features // channels[0])
    if side * side * channels[0] != features:
        raise CheckpointError(f"its first layer makes {features} values, which are no square image of {channels[0]} channels")
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


def _normed(old: StateDict, source: str, dims: int, target: str, new: dict[str, Tensor], bias: bool = True) -> None:
    """A layer's weight, divided by its largest singular value where the file keeps the vector for that (`G_param='SN'`)."""
    weight = old.take(f"{source}.weight", dims)
    if f"{source}.u0" in old:
        u = old.take(f"{source}.u0", 2)
        if u.shape != (1, weight.shape[0]):
            raise CheckpointError(
                f"{source + '.u0'!r} should hold one value for each output of {tuple(weight.shape)}, it has {tuple(u.shape)}"
            )
        weight = divided_by_estimate(weight, u)
        # the values themselves are logs; further pairs, where there are any, are of no effect on the first
        old.drop(*(f"{source}.{kind}{i}" for kind in ("u", "sv") for i in range(9)))
    new[f"{target}.weight"] = weight
    if bias:
        new[f"{target}.bias"] = old.take(f"{source}.bias", 1)


def _statistics(old: StateDict, source: str, target: str, new: dict[str, Tensor]) -> None:
    counter = f"{source}.bn.accumulation_counter"
    if counter in old and old.take(counter).ne(0).any():
        raise CheckpointError(
            f"{source!r} has accumulated standing statistics (its accumulation_counter is not 0), and the file does not say "
            "whether they still count; expected running averages"
        )
    old.drop(f"{source}.bn.num_batches_tracked")
    for name, spellings in STATISTICS.items():
        found = next((spelling for spelling in spellings if f"{source}.{spelling}" in old), name)
        new[f"{target}.{name}"] = old.take(f"{source}.{found}")
