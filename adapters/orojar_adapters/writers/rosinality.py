"""Writes StyleGAN2 as rosinality's stylegan2-pytorch saves it: `g_ema`, `latent_avg`, and `d` if there is a discriminator.

There is no `g`: all scripts of that project that make images read `g_ema`, and its training script, the only one to need `g`,
also needs the states of both optimizers, which do not exist here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.generator import Generator
from orojar_adapters.contract.sizes import resolutions
from orojar_adapters.readers.stylegan2_arguments import LR_MULTIPLIER
from orojar_adapters.writers.export import Export, described, fir, refuse_other_families, tensors_of

LARGEST, IMAGE_CHANNELS, GROUP, DEVIATIONS = 1024, 3, 4, 1
"""Constants of that code."""
DEFAULT_MULTIPLIER = 2
USAGE = "Generator(**arguments).load_state_dict(file['g_ema']); latent_avg is the truncation_latent of its images."


def export(generator: Generator, discriminator: Discriminator | None) -> Export:
    """Returns one file with both networks, without a discriminator that the format cannot hold.

    Raises:
        ValueError: another family, or a generator that that code cannot compute.
    """
    refuse_other_families(generator, "rosinality")
    if obstacle := generator_obstacle(generator.config):
        raise ValueError(f"rosinality's format cannot hold this generator: {obstacle}; type --to nvlabs, which holds it")
    value: dict[str, Any] = {"g_ema": generator_state(generator), "latent_avg": tensors_of(generator)["mapping.w_avg"]}
    networks = {"generator": described(generator_arguments(generator.config), generator.config)}
    left_out = None
    if discriminator is not None:
        left_out = discriminator_obstacle(discriminator.config)
        if left_out is None:
            value["d"] = discriminator_state(discriminator)
            networks["discriminator"] = described(discriminator_arguments(discriminator.config), discriminator.config)
    odd = [name for name, network in networks.items() if network["arguments"]["channel_multiplier"] is None]
    note = (
        f"channel_multiplier cannot express the channels of the {' and the '.join(odd)}: put the table `channels` in the place "
        "of the one in that project's model.py before the weights are loaded"
    )
    return Export({"": value}, networks, USAGE, [note] if odd else [], left_out)


def generator_obstacle(config: Mapping[str, Any]) -> str | None:
    """Returns why that code cannot compute a generator, None where it can."""
    latent_size, w_size, multiplier = config["latent_size"], config["w_size"], config["mapping_lr_multiplier"]
    width = config["mapping_width"] or w_size
    if obstacle := _shared_obstacle(config):
        return obstacle
    if latent_size != w_size or (width != w_size and config["mapping_depth"] > 1):
        return f"z, w and the layers between have one width there, here they have {latent_size}, {w_size} and {width}"
    if multiplier != LR_MULTIPLIER:
        return f"the mapping's learning-rate multiplier is {LR_MULTIPLIER} there, here it is {multiplier}"
    return None


def discriminator_obstacle(config: Mapping[str, Any]) -> str | None:
    """Returns why that code cannot compute a discriminator, None where it can."""
    if obstacle := _shared_obstacle(config):
        return obstacle
    if (config["group"], config["deviations"]) != (GROUP, DEVIATIONS):
        found = f"groups of {config['group']}, maps {config['deviations']}"
        return f"minibatch deviation has groups of {GROUP}, maps {DEVIATIONS} there, here {found}"
    return None


def _shared_obstacle(config: Mapping[str, Any]) -> str | None:
    if config["num_classes"]:
        return f"there are no labels there, here there are {config['num_classes']} classes"
    if config["image_channels"] != IMAGE_CHANNELS:
        return f"images have {IMAGE_CHANNELS} channels there, here they have {config['image_channels']}"
    if config["conv_clamp"] is not None:
        return f"activations have no limit there, here it is conv_clamp {config['conv_clamp']}"
    return None


def generator_state(generator: Generator) -> dict[str, Tensor]:
    """Returns the state dict of that project's `Generator`, in its order."""
    ours = tensors_of(generator)
    new = {
        f"style.{i + 1}.{part}": ours[f"mapping.fc{i}.{part}"]
        for i in range(generator.config["mapping_depth"])
        for part in ("weight", "bias")
    }
    new["input.input"] = ours["synthesis.b4.const"][None]
    new |= _styled_conv(ours, "synthesis.b4.conv1", "conv1") | _to_rgb(ours, "synthesis.b4.torgb", "to_rgb1")
    sizes = resolutions(len(generator.config["channels"]))[1:]
    for i, size in enumerate(sizes):
        new |= _styled_conv(ours, f"synthesis.b{size}.conv0", f"convs.{2 * i}", up=True)
        new |= _styled_conv(ours, f"synthesis.b{size}.conv1", f"convs.{2 * i + 1}")
    for i, size in enumerate(sizes):
        new |= _to_rgb(ours, f"synthesis.b{size}.torgb", f"to_rgbs.{i}", up=True)
    noisy = ["b4.conv1", *(f"b{size}.{conv}" for size in sizes for conv in ("conv0", "conv1"))]
    maps = {f"noises.noise_{i}": ours[f"synthesis.{layer}.noise_const"][None, None] for i, layer in enumerate(noisy)}
    return new | maps


def _styled_conv(ours: dict[str, Tensor], source: str, target: str, up: bool = False) -> dict[str, Tensor]:
    new = {f"{target}.conv.weight": ours[f"{source}.weight"][None]}
    if up:
        new[f"{target}.conv.blur.kernel"] = _up_kernel()
    return new | {
        f"{target}.conv.modulation.weight": ours[f"{source}.affine.weight"],
        f"{target}.conv.modulation.bias": ours[f"{source}.affine.bias"],
        f"{target}.noise.weight": ours[f"{source}.noise_strength"].reshape(1),
        f"{target}.activate.bias": ours[f"{source}.bias"],
    }


def _to_rgb(ours: dict[str, Tensor], source: str, target: str, up: bool = False) -> dict[str, Tensor]:
    new = {f"{target}.bias": ours[f"{source}.bias"].reshape(1, -1, 1, 1)}
    if up:
        new[f"{target}.upsample.kernel"] = _up_kernel()
    return new | {
        f"{target}.conv.weight": ours[f"{source}.weight"][None],
        f"{target}.conv.modulation.weight": ours[f"{source}.affine.weight"],
        f"{target}.conv.modulation.bias": ours[f"{source}.affine.bias"],
    }


def _up_kernel() -> Tensor:
    """Returns the filter times 4, which makes up for the zeros between the pixels."""
    return fir() * 4


def discriminator_state(discriminator: Discriminator) -> dict[str, Tensor]:
    """Returns the state dict of that project's `Discriminator`, in its order."""
    ours, names = tensors_of(discriminator), discriminator.block_names
    first = f"{names[0]}.fromrgb"
    new = {"convs.0.0.weight": ours[f"{first}.weight"], "convs.0.1.bias": ours[f"{first}.bias"]}
    for i, name in enumerate(names[:-1]):
        block = f"convs.{i + 1}"
        new |= {
            f"{block}.conv1.0.weight": ours[f"{name}.conv0.weight"],
            f"{block}.conv1.1.bias": ours[f"{name}.conv0.bias"],
            f"{block}.conv2.0.kernel": fir(),
            f"{block}.conv2.1.weight": ours[f"{name}.conv1.weight"],
            f"{block}.conv2.2.bias": ours[f"{name}.conv1.bias"],
            f"{block}.skip.0.kernel": fir(),
            f"{block}.skip.1.weight": ours[f"{name}.skip.weight"],
        }
    new |= {"final_conv.0.weight": ours["b4.conv.weight"], "final_conv.1.bias": ours["b4.conv.bias"]}
    for i, layer in enumerate(("fc", "out")):
        new |= {f"final_linear.{i}.{part}": ours[f"b4.{layer}.{part}"] for part in ("weight", "bias")}
    return new


def generator_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of that project's `Generator`."""
    return {
        "size": config["resolution"],
        "style_dim": config["w_size"],
        "n_mlp": config["mapping_depth"],
        "channel_multiplier": channel_multiplier(config["channels"]),
    }


def discriminator_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of that project's `Discriminator`."""
    return {"size": config["resolution"], "channel_multiplier": channel_multiplier(config["channels"])}


def channel_multiplier(channels: Sequence[int]) -> int | None:
    """Returns the factor of that code's table (512 up to 32 pixels, then `16384 * factor / size`); None where there is none."""
    sizes = resolutions(len(channels))
    large = [(size, width) for size, width in zip(sizes, channels, strict=True) if size > 32]
    factor = large[0][1] // 256 if large else DEFAULT_MULTIPLIER
    wanted = [512 if size <= 32 else 16384 * factor // size for size in sizes]
    return factor if wanted == list(channels) and sizes[-1] <= LARGEST else None
