"""Writes StyleGAN2 as state dicts of NVlabs' PyTorch classes, for their `load_state_dict` with `strict=True`.

Parameters have NVlabs' names already; only the resampling filters, which are buffers there and constants here, are added.
Their pickles embed NVlabs' source code and are not written.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.generator import Generator
from orojar_adapters.contract.sizes import resolutions
from orojar_adapters.writers.export import Export, described, fir, refuse_other_families, tensors_of

USAGE = (
    "In stylegan2-ada-pytorch: training.networks.Generator(**arguments).load_state_dict(the file's tensors). In stylegan3: "
    "training.networks_stylegan2.Generator, where what is in synthesis_kwargs stands beside the other arguments."
)


def export(generator: Generator, discriminator: Discriminator | None) -> Export:
    """Returns one state dict for each network, the discriminator's in a file of its own.

    Raises:
        ValueError: another family.
    """
    refuse_other_families(generator, "nvlabs")
    files = {"": generator_state(generator)}
    networks = {"generator": described(generator_arguments(generator.config), generator.config)}
    if discriminator is not None:
        files["-discriminator"] = discriminator_state(discriminator)
        networks["discriminator"] = described(discriminator_arguments(discriminator.config), discriminator.config)
    odd = [name for name, network in networks.items() if channel_arguments(network["channels"].values())["channel_max"] is None]
    note = (
        f"channel_base and channel_max cannot express the channels of the {' and the '.join(odd)}: put the table `channels` "
        "in the place of channels_dict in NVlabs' code before the weights are loaded"
    )
    return Export(files, networks, USAGE, [note] if odd else [])


def generator_state(generator: Generator) -> dict[str, Tensor]:
    """Returns the state dict of NVlabs' `Generator`."""
    blocks = [f"synthesis.b{size}" for size in resolutions(len(generator.config["channels"]))]
    return _with_filters(tensors_of(generator), blocks)


def discriminator_state(discriminator: Discriminator) -> dict[str, Tensor]:
    """Returns the state dict of NVlabs' `Discriminator`."""
    blocks = [f"b{size}" for size in resolutions(len(discriminator.config["channels"]))[1:]]
    return _with_filters(tensors_of(discriminator), blocks)


def _with_filters(state: dict[str, Tensor], blocks: list[str]) -> dict[str, Tensor]:
    """Adds a filter to every block that resamples images and to every convolution but those to RGB, used or not."""
    convolutions = [name for name, tensor in state.items() if tensor.ndim == 4 and ".torgb." not in name]
    modules = [*blocks, *(name.removesuffix(".weight") for name in convolutions)]
    return state | {f"{module}.resample_filter": fir() for module in modules}


def generator_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of NVlabs' `Generator`, with those whose defaults differ between their repositories."""
    return {
        "z_dim": config["latent_size"],
        "c_dim": config["num_classes"],
        "w_dim": config["w_size"],
        "img_resolution": config["resolution"],
        "img_channels": config["image_channels"],
        "mapping_kwargs": {
            "num_layers": config["mapping_depth"],
            "layer_features": config["mapping_width"] or config["w_size"],
            "lr_multiplier": config["mapping_lr_multiplier"],
        },
        "synthesis_kwargs": {
            **channel_arguments(config["channels"]),
            "num_fp16_res": 0,
            "conv_clamp": config["conv_clamp"],
        },
    }


def discriminator_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of NVlabs' `Discriminator`."""
    conditional = config["num_classes"] > 0
    return {
        "c_dim": config["num_classes"],
        "img_resolution": config["resolution"],
        "img_channels": config["image_channels"],
        **channel_arguments(config["channels"]),
        "num_fp16_res": 0,
        "conv_clamp": config["conv_clamp"],
        "cmap_dim": config["label_size"] if conditional else None,
        "mapping_kwargs": {"num_layers": config["mapping_depth"]} if conditional else {},
        "epilogue_kwargs": {"mbstd_group_size": config["group"], "mbstd_num_channels": config["deviations"]},
    }


def channel_arguments(channels: Iterable[int]) -> dict[str, int | None]:
    """Returns the smallest base and the limit for which `min(channel_base // size, channel_max)` is the channels of each size.

    Both are None where there are no such numbers; NVlabs' constructors then fail at once.
    """
    widths = list(channels)
    most = max(widths)
    sized = list(zip(resolutions(len(widths)), widths, strict=True))
    base = max(size * width for size, width in sized)
    limit = min((size * (width + 1) for size, width in sized if width < most), default=math.inf)
    return {"channel_base": base, "channel_max": most} if base < limit else {"channel_base": None, "channel_max": None}
