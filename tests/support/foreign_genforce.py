"""genforce's checkpoints, made from our networks by reversing our renaming: no foreign code is needed."""

import torch
from torch import Tensor

from foreign_files import FIR
from orojar_adapters.networks.pggan import PGGAN
from orojar_adapters.networks.stylegan import StyleGAN
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator

BLUR = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])) / 16


def genforce_stylegan2(generator: StyleGAN2) -> dict[str, Tensor]:
    """The state dict of `generator_smooth`."""
    state = generator.state_dict()
    new = _mapping(state, generator.config["mapping_depth"]) | {"synthesis.upsample.kernel": 4 * FIR[None, None]}
    new["synthesis.early_layer.const"] = state["synthesis.b4.const"][None]
    for i, size in enumerate(generator.synthesis.resolutions):
        layers = {f"b{size}.conv1": f"layer{2 * i}", f"b{size}.torgb": f"output{i}"}
        layers |= {f"b{size}.conv0": f"layer{2 * i - 1}"} if i else {}
        for ours, theirs in layers.items():
            source, target = f"synthesis.{ours}", f"synthesis.{theirs}"
            weight = state[f"{source}.weight"]
            new[f"{target}.weight"] = weight.flip(2, 3) if ours.endswith("conv0") else weight
            new[f"{target}.bias"] = state[f"{source}.bias"]
            new[f"{target}.style.weight"] = state[f"{source}.affine.weight"]
            new[f"{target}.style.bias"] = state[f"{source}.affine.bias"] - 1
            if not ours.endswith("torgb"):
                new[f"{target}.noise_strength"] = state[f"{source}.noise_strength"]
                new[f"{target}.noise"] = state[f"{source}.noise_const"][None, None]
            if ours.endswith("conv0"):
                new[f"{target}.filter.kernel"] = 4 * FIR[None, None]
    return new


def _mapping(state: dict[str, Tensor], depth: int, bias_gain: float = 1.0) -> dict[str, Tensor]:
    new = {"truncation.w_avg": state["mapping.w_avg"]}
    for i in range(depth):
        new[f"mapping.dense{i}.weight"] = state[f"mapping.fc{i}.weight"]
        new[f"mapping.dense{i}.bias"] = state[f"mapping.fc{i}.bias"] * bias_gain
    return new


def genforce_discriminator(discriminator: StyleGAN2Discriminator) -> dict[str, Tensor]:
    """The state dict of `discriminator`, of a StyleGAN2."""
    state, names = discriminator.state_dict(), discriminator.block_names
    layers, new = {f"{names[0]}.fromrgb": "input0"}, {}
    for i, name in enumerate(names[:-1]):
        layers |= {f"{name}.conv0": f"layer{2 * i}", f"{name}.conv1": f"layer{2 * i + 1}"}
        new[f"skip_layer{i}.weight"] = state[f"{name}.skip.weight"]
        new |= {f"{layer}.filter.kernel": FIR[None, None] for layer in (f"layer{2 * i + 1}", f"skip_layer{i}")}
    last = 2 * len(names) - 2
    layers |= {"b4.conv": f"layer{last}", "b4.fc": f"layer{last + 1}", "b4.out": f"layer{last + 2}"}
    return new | {f"{theirs}.{part}": state[f"{ours}.{part}"] for ours, theirs in layers.items() for part in ("weight", "bias")}


def genforce_stylegan(generator: StyleGAN) -> dict[str, Tensor]:
    """The state dict of `generator_smooth`, with outputs for all resolutions and rotated kernels from 128 pixels on."""
    state = generator.state_dict()
    new = _mapping(state, generator.config["mapping_depth"], 2**0.5) | {"synthesis.lod": torch.tensor(0.0)}
    if generator.num_classes:
        new["mapping.label_weight"] = state["embed.weight"].T
    for i in range(len(generator.synthesis.layers)):
        source, target = f"synthesis.layers.{i}", f"synthesis.layer{i}"
        size, width = 4 << i // 2, len(state[f"{source}.bias"])
        if i:
            weight = state[f"{source}.weight"]
            new[f"{target}.weight"] = weight.flip(2, 3) if size >= 128 and i % 2 == 0 else weight
        else:
            new[f"{target}.const"] = state[f"{source}.const"][None]
        if i and i % 2 == 0:
            new[f"{target}.blur.kernel"] = BLUR.repeat(width, 1, 1, 1)
        new[f"{target}.bias"] = state[f"{source}.bias"]
        new[f"{target}.apply_noise.weight"] = state[f"{source}.noise_strength"]
        new[f"{target}.apply_noise.noise"] = state[f"{source}.noise_const"][None, None]
        new[f"{target}.style.weight"] = state[f"{source}.affine.weight"]
        new[f"{target}.style.bias"] = state[f"{source}.affine.bias"] - torch.tensor([1.0, 0.0]).repeat_interleave(width)
    return new | _outputs(state, "synthesis.", len(generator.synthesis.layers) // 2)


def _outputs(state: dict[str, Tensor], prefix: str, blocks: int) -> dict[str, Tensor]:
    new = {}
    for i in range(blocks):
        for part in ("weight", "bias"):
            tensor = state[f"synthesis.torgb.{part}"]
            new[f"{prefix}output{i}.{part}"] = tensor if i == blocks - 1 else torch.ones(1)
    return new


def genforce_pggan(generator: PGGAN, fused: bool = False) -> dict[str, Tensor]:
    """The state dict of `generator_smooth`."""
    state, new = generator.state_dict(), {"lod": torch.tensor(0.0)}
    for i in range(len(generator.synthesis.layers)):
        weight = state[f"synthesis.layers.{i}.weight"]
        if i == 0:
            weight = weight.flip(2, 3)
        elif fused and i % 2 == 0:
            weight = weight.flip(2, 3).transpose(0, 1)
        new |= {f"layer{i}.weight": weight, f"layer{i}.bias": state[f"synthesis.layers.{i}.bias"]}
    return new | _outputs(state, "", len(generator.synthesis.layers) // 2)
