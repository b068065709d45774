"""DCGAN files: the state dict of a stack of convolutions and norms, by whatever names, in their order.

Strides leave no trace in a state dict, nor do activations. So the first convolution makes an image of its kernel's size; a
transposed one with an even kernel doubles the image, as 4 x 4 with stride 2 and padding 1 does; a plain one with an odd kernel
keeps its size. ReLU follows them, tanh the last. Two widespread stacks without padding are known by their kernels.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.dcgan import MOST_STAGES
from orojar_adapters.readers.checkpoint import Checkpoint, Weights
from orojar_adapters.readers.state_dict import StateDict, shape_of, state_dicts
from orojar_adapters.readers.tensors import TensorReader
from orojar_adapters.readers.unpickle import Pickle

WITHOUT_PADDING = {(3, 4, 3, 4): (2, 1, 2, 2), (3, 3, 3, 3, 4): (2, 2, 2, 2, 2)}
"""Strides by kernels of the 28 and 64 pixel generators of DeepLearning.AI's course on GANs, whose convolutions pad nothing."""
AUTHORS = re.compile(r"layers\.\d+\.layers\.(conv|instancenorm|batchnorm)")
"""The layers of OroJaR's small GANs (`Generator`, `Generator128`), which use leaky ReLU behind norms and nothing without."""
AUTHORS_EPS = {"instance": 1e-6, "batch": 1e-3}
NORM_PARTS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def matches(value: Any) -> bool:
    """Whether a torch file's value has a generator of this kind in it."""
    return any(_chain(records) is not None for _, records in state_dicts(value))


def read(pickle: Pickle, reader: TensorReader, source: str, file: str) -> Checkpoint:
    """The generator.

    Raises:
        CheckpointError: layers or kernels that none of these generators has.
    """
    place, records = next(found for found in state_dicts(pickle.value) if _chain(found[1]) is not None)
    weights = _generator(StateDict(records, reader, "a DCGAN"), _chain(records) or [])
    facts = SourceFacts(
        source=source,
        file=file,
        origin="csyxwei" if _is_the_authors(records) else "dcgan",
        holds=(place,),
        pickle_globals=tuple(sorted(pickle.globals)),
    )
    return Checkpoint("dcgan", weights, None, facts)


def _is_the_authors(records: dict[str, Any]) -> bool:
    return all(AUTHORS.fullmatch(name.rpartition(".")[0]) for name in records)


def _chain(records: dict[str, Any]) -> list[tuple[str, bool]] | None:
    """The convolutions in their order, and which are transposed; None where they do not lead from z to an image."""
    found: list[tuple[str, bool]] = []
    width, grows = 0, False
    for name, record in records.items():
        shape = shape_of(record) if name.endswith((".weight", ".weight_orig")) else None
        if shape is None or len(shape) != 4:
            continue
        transposed = not found or (shape[0] == width and (shape[1] != width or shape[2] % 2 == 0))
        if not transposed and shape[1] != width:
            return None
        grows |= bool(found) and transposed
        width = shape[1] if transposed else shape[0]
        found.append((name.rpartition(".")[0], transposed))
    return found if grows and width in (1, 3, 4) else None


def _generator(old: StateDict, chain: Sequence[tuple[str, bool]]) -> Weights:
    if any(name.endswith("weight_orig") for name in old.records):
        raise CheckpointError("its convolutions are kept under spectral norm, which is not read for a DCGAN")
    if len(chain) > MOST_STAGES:
        raise CheckpointError(f"it is a stack of {len(chain)} convolutions, no DCGAN has more than {MOST_STAGES}")
    layers = {name: i for i, (name, _) in enumerate(chain)}
    authors = _is_the_authors(old.records)
    stages: list[dict[str, Any]] = []
    new: dict[str, Tensor] = {}
    strides = _strides(old, chain)
    for layer in dict.fromkeys(name.rpartition(".")[0] for name in old.records):
        if layer in layers:
            i = layers[layer]
            stages.append(_stage(old, layer, chain[i][1], *strides[i]))
            _convolution(old, layer, i, new)
        else:
            stages[-1:] = [_norm(old, layer, stages, new)]
    for i, stage in enumerate(stages):
        last = i == len(stages) - 1
        stage["slope"] = None if last or (authors and stage["norm"] == "none") else 0.2 if authors else 0.0
    norms = {stage["norm"] for stage in stages} - {"none"}
    eps = AUTHORS_EPS[min(norms)] if authors and norms else 1e-5
    latent_size = new["synthesis.0.conv.weight"].shape[0]
    return Weights({"stages": stages, "latent_size": latent_size, "norm_eps": eps}, new | old.rest())


def _strides(old: StateDict, chain: Sequence[tuple[str, bool]]) -> list[tuple[int, int]]:
    """Stride and padding of each convolution, as far as its kernel tells."""
    kernels = tuple(old.get(f"{name}.weight", 4).shape[2] for name, _ in chain)
    if kernels in WITHOUT_PADDING and all(transposed for _, transposed in chain):
        return [(stride, 0) for stride in WITHOUT_PADDING[kernels]]
    found = [(1, 0)]
    for (name, transposed), kernel in list(zip(chain, kernels, strict=True))[1:]:
        if transposed == bool(kernel % 2):
            kind = "transposed " if transposed else ""
            raise CheckpointError(
                f"{name!r} is a {kind}convolution of {kernel} x {kernel}, whose stride its file does not tell"
            )
        found.append((2, kernel // 2 - 1) if transposed else (1, kernel // 2))
    return found


def _stage(old: StateDict, layer: str, transposed: bool, stride: int, padding: int) -> dict[str, Any]:
    shape = old.get(f"{layer}.weight", 4).shape
    if shape[2] != shape[3]:
        raise CheckpointError(f"{layer!r} has a kernel of {shape[2]} x {shape[3]} pixels, expected a square one")
    stage = {"channels": shape[1] if transposed else shape[0], "kernel": shape[2], "stride": stride, "padding": padding}
    return stage | {"transposed": transposed, "bias": f"{layer}.bias" in old, "norm": "none"}


def _convolution(old: StateDict, layer: str, i: int, new: dict[str, Tensor]) -> None:
    new[f"synthesis.{i}.conv.weight"] = old.take(f"{layer}.weight")
    if f"{layer}.bias" in old:
        new[f"synthesis.{i}.conv.bias"] = old.take(f"{layer}.bias", 1)


def _norm(old: StateDict, layer: str, stages: list[dict[str, Any]], new: dict[str, Tensor]) -> dict[str, Any]:
    """The last stage again, with a norm behind its convolution."""
    parts = {name.rpartition(".")[2] for name in old.records if name.rpartition(".")[0] == layer}
    if not stages or stages[-1]["norm"] != "none" or not parts <= NORM_PARTS:
        raise CheckpointError(f"expected convolutions and norms one behind the other, found {layer!r} with {sorted(parts)[:4]}")
    stage, target = stages[-1], f"synthesis.{len(stages) - 1}.norm"
    old.drop(f"{layer}.num_batches_tracked")
    if "running_mean" in parts:
        new[f"{target}.stored_mean"], new[f"{target}.stored_var"] = (
            old.take(f"{layer}.running_{kind}") for kind in ("mean", "var")
        )
        for ours, theirs, value in (("gain", "weight", 1.0), ("bias", "bias", 0.0)):
            learned = f"{layer}.{theirs}" in old
            new[f"{target}.{ours}"] = old.take(f"{layer}.{theirs}", 1) if learned else torch.full((stage["channels"],), value)
        return stage | {"norm": "batch"}
    if "instancenorm" not in layer and (len(stages) == 1 or stages[0]["norm"] != "none"):
        raise CheckpointError(f"{layer!r} has no running_mean: batch norm without stored statistics is not read")
    for part in ("weight", "bias"):
        new[f"{target}.{part}"] = old.take(f"{layer}.{part}", 1)
    return stage | {"norm": "instance"}
