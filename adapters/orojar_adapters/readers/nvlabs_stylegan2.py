"""StyleGAN2 in NVlabs' PyTorch pickles (stylegan2-ada-pytorch, stylegan3 repositories).

Parameters keep their names; only the FIR filters, which are constants here, are left out.
"""

import math
from collections.abc import Container
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.networks.stylegan2_sizes import resolutions
from orojar_adapters.ops.resample import TAPS
from orojar_adapters.readers.checkpoint import Weights, count_of, size_of
from orojar_adapters.readers.persistence import Meta, modules_of, require, tensors_of
from orojar_adapters.readers.tensors import number


def is_generator(modules: Container[str]) -> bool:
    """Whether a network with these modules is a generator of this family."""
    return "synthesis.b4.conv1." in modules


def read_generator(meta: Meta) -> Weights:
    """The arguments and weights of a generator.

    Raises:
        CheckpointError: a variant that cannot be computed here.
    """
    modules, state = dict(modules_of(meta)), without_filters(tensors_of(meta))
    for name, module in modules.items():
        require(module, name, "architecture", ("skip",))
        require(module, name, "activation", ("lrelu", "linear"))
        require(module, name, "use_noise", (True,))
    w_size = size_of(state, "synthesis.b4.conv1.affine.weight", 1)
    return generator_weights(state, read_mapping(modules, state, w_size), clamp_of(modules["synthesis.b4.conv1."]))


def generator_weights(state: dict[str, Tensor], mapping: dict[str, Any], conv_clamp: float | None) -> Weights:
    """The arguments that the shapes of a generator's tensors tell, beside those of its mapping.

    Raises:
        CheckpointError: tensors missing.
    """
    sizes = resolutions(_block_count(state, "synthesis.b{}.conv1.weight"))
    return Weights(
        {
            "resolution": sizes[-1],
            "channels": [size_of(state, f"synthesis.b{size}.conv1.weight", 0) for size in sizes],
            "image_channels": size_of(state, "synthesis.b4.torgb.weight", 0),
            **mapping,
            "mapping_width": size_of(state, "mapping.fc0.weight", 0) if mapping["mapping_depth"] > 1 else mapping["w_size"],
            "conv_clamp": conv_clamp,
        },
        state,
    )


def read_mapping(modules: dict[str, Meta], state: dict[str, Tensor], w_size: int) -> dict[str, Any]:
    """The arguments of a generator that its mapping network tells.

    Raises:
        CheckpointError: it has none.
    """
    first = size_of(state, "mapping.fc0.weight", 1)
    return mapping_arguments(state, w_size, _lr_multiplier(modules.get("mapping.fc0."), first))


def mapping_arguments(state: dict[str, Tensor], w_size: int, lr_multiplier: float) -> dict[str, Any]:
    """The arguments that the shapes of a mapping's tensors tell.

    Raises:
        CheckpointError: tensors missing.
    """
    first = size_of(state, "mapping.fc0.weight", 1)
    num_classes = size_of(state, "mapping.embed.weight", 1) if "mapping.embed.weight" in state else 0
    return {
        "latent_size": first - w_size if num_classes else first,
        "w_size": w_size,
        "num_classes": num_classes,
        "mapping_depth": count_of(state, "mapping.fc{}.weight"),
        "mapping_lr_multiplier": lr_multiplier,
    }


def read_discriminator(meta: Meta) -> Weights:
    """The arguments and weights of a discriminator, which StyleGAN3 has too.

    Raises:
        CheckpointError: a variant that cannot be computed here.
    """
    modules, state = dict(modules_of(meta)), without_filters(tensors_of(meta))
    sizes = [4, *resolutions(_block_count(state, "b{}.conv0.weight", 8) + 1)[1:]]
    for name, module in modules.items():
        require(module, name, "architecture", ("resnet",))
    num_classes = size_of(state, "mapping.embed.weight", 1) if "mapping.embed.weight" in state else 0
    deviation = modules.get("b4.mbstd.", {"state": {}})["state"]
    group = deviation.get("group_size")
    return Weights(
        {
            "resolution": sizes[-1],
            "channels": [
                size_of(state, "b4.fc.weight", 0),
                *(size_of(state, f"b{size}.conv0.weight", 0) for size in sizes[1:]),
            ],
            "num_classes": num_classes,
            "image_channels": size_of(state, f"b{sizes[-1]}.fromrgb.weight", 1),
            "label_size": size_of(state, "b4.out.weight", 0) if num_classes else 512,
            "mapping_depth": count_of(state, "mapping.fc{}.weight") or 8,
            "group": 4 if group is None else int(number(group)),
            "deviations": int(number(deviation.get("num_channels", 0))),
            "conv_clamp": clamp_of(modules["b4.conv."]) if "b4.conv." in modules else None,
        },
        state,
    )


def without_filters(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without its resampling filters, once they are seen to be the usual ones."""
    for name in [name for name in state if name.endswith("resample_filter")]:
        check_filter(state.pop(name))
    return state


def check_filter(taps: Tensor) -> None:
    """Refuses resampling filters other than [1, 3, 3, 1], with which nearly all StyleGAN2 were trained.

    Raises:
        CheckpointError: names the filter found.
    """
    wanted = torch.outer(torch.tensor(TAPS), torch.tensor(TAPS))
    found = taps.float() / taps.float().sum()
    if found.shape != wanted.shape or not torch.allclose(found, wanted, atol=1e-5):
        shown = taps.tolist() if taps.numel() <= 16 else f"of the size {tuple(taps.shape)}"
        raise CheckpointError(f"its resampling filter is {shown}, only that of [1, 3, 3, 1] can be computed here")


def _block_count(state: dict[str, Tensor], pattern: str, first: int = 4) -> int:
    count = 0
    while pattern.format(first << count) in state:
        count += 1
    return count


def _lr_multiplier(layer: Meta | None, in_size: int) -> float:
    """The learning-rate multiplier, from the gain that the layer keeps: multiplier / sqrt(width)."""
    if layer is None:
        raise CheckpointError("expected a module mapping.fc0 in this pickle's generator")
    gain = number(layer["state"].get("weight_gain", 0.01 / math.sqrt(in_size)))
    return round(gain * math.sqrt(in_size), 9)


def clamp_of(layer: Meta) -> float | None:
    """The limit of a layer's activations, None where there is none."""
    clamp = layer["state"].get("conv_clamp")
    return None if clamp is None else float(number(clamp))
