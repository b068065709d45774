"""DCGANs: the state dict of a stack of convolutions and norms, under any names, in their order.

A state dict tells neither strides nor activations. So it is assumed that the first convolution makes an image of its kernel's
size, that a transposed one with an even kernel doubles the image, as 4 x 4 with stride 2 and padding 1 does, and that a plain
one with an odd kernel keeps its size; ReLU follows them, tanh the last. Two widespread stacks without padding are known by
their kernels.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.networks.dcgan import MOST_STAGES
from orojar_adapters.readers.checkpoint import Weights
from orojar_adapters.readers.tensors import Tensors

WITHOUT_PADDING = {(3, 4, 3, 4): (2, 1, 2, 2), (3, 3, 3, 3, 4): (2, 2, 2, 2, 2)}
"""Strides by kernels of the 28 and 64 pixel generators of DeepLearning.AI's course on GANs, whose convolutions pad nothing."""
AUTHORS = re.compile(r"layers\.\d+\.layers\.(conv|instancenorm|batchnorm)")
"""Layers of OroJaR's small GANs (`Generator`, `Generator128`): leaky ReLU after norms, no activation without one."""
AUTHORS_EPS = {"instance": 1e-6, "batch": 1e-3}
NORM_PARTS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def matches(old: Tensors) -> bool:
    """Whether a state dict is a generator of this kind."""
    return _chain(old) is not None


def is_small_gan(old: Tensors) -> bool:
    """Whether a state dict is one of the small GANs that OroJaR's authors trained."""
    return matches(old) and _is_the_authors(old)


def _is_the_authors(old: Tensors) -> bool:
    return all(AUTHORS.fullmatch(name.rpartition(".")[0]) for name in old)


def _chain(old: Tensors) -> list[tuple[str, bool]] | None:
    """Returns the convolutions in order and which are transposed; None where they do not lead from z to an image."""
    found: list[tuple[str, bool]] = []
    width, grows = 0, False
    for name in old:
        shape = old.shape(name) if name.endswith((".weight", ".weight_orig")) else None
        if shape is None or len(shape) != 4:
            continue
        transposed = not found or (shape[0] == width and (shape[1] != width or shape[2] % 2 == 0))
        if not transposed and shape[1] != width:
            return None
        grows |= bool(found) and transposed
        width = shape[1] if transposed else shape[0]
        found.append((name.rpartition(".")[0], transposed))
    return found if grows and width in (1, 3, 4) else None


def generator(old: Tensors) -> Weights:
    """Returns the generator."""
    chain = _chain(old) or []
    if any(name.endswith("weight_orig") for name in old):
        raise CheckpointError("its convolutions are kept under spectral norm, which is not read for a DCGAN")
    if len(chain) > MOST_STAGES:
        raise CheckpointError(f"it is a stack of {len(chain)} convolutions, no DCGAN has more than {MOST_STAGES}")
    layers = {name: i for i, (name, _) in enumerate(chain)}
    authors = _is_the_authors(old)
    stages: list[dict[str, Any]] = []
    new: dict[str, Tensor] = {}
    strides = _strides(old, chain)
    for layer in dict.fromkeys(name.rpartition(".")[0] for name in old):
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
    old.finish()
    latent_size = new["synthesis.0.conv.weight"].shape[0]
    return Weights({"stages": stages, "latent_size": latent_size, "norm_eps": eps}, new)


def _strides(old: Tensors, chain: Sequence[tuple[str, bool]]) -> list[tuple[int, int]]:
    """Returns stride and padding of each convolution, as far as its kernel tells."""
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


def _stage(old: Tensors, layer: str, transposed: bool, stride: int, padding: int) -> dict[str, Any]:
    shape = old.get(f"{layer}.weight", 4).shape
    if shape[2] != shape[3]:
        raise CheckpointError(f"{layer!r} has a kernel of {shape[2]} x {shape[3]} pixels, expected a square one")
    stage = {"channels": shape[1] if transposed else shape[0], "kernel": shape[2], "stride": stride, "padding": padding}
    return stage | {"transposed": transposed, "bias": f"{layer}.bias" in old, "norm": "none"}


def _convolution(old: Tensors, layer: str, i: int, new: dict[str, Tensor]) -> None:
    new[f"synthesis.{i}.conv.weight"] = old.take(f"{layer}.weight")
    if f"{layer}.bias" in old:
        new[f"synthesis.{i}.conv.bias"] = old.take(f"{layer}.bias", 1)


def _norm(old: Tensors, layer: str, stages: list[dict[str, Any]], new: dict[str, Tensor]) -> dict[str, Any]:
    """Takes a norm's tensors and returns the last stage with it after its convolution."""
    parts = {name.rpartition(".")[2] for name in old if name.rpartition(".")[0] == layer}
    if not stages or stages[-1]["norm"] != "none" or not parts <= NORM_PARTS:
        raise CheckpointError(
            f"expected convolutions, each with at most one norm after it, found {layer!r} with {sorted(parts)[:4]}"
        )
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
