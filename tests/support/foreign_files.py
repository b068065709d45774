"""Checkpoints in other people's formats, made from our generators by reversing our renaming: no foreign code is needed."""

import argparse
import io
import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from orojar_adapters.networks.stylegan2 import StyleGAN2, SynthesisBlock
from orojar_adapters.networks.stylegan2_discriminator import Epilogue, StyleGAN2Discriminator

FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


class Name(NamedTuple):
    """A name for a pickle to ask for; it need not exist."""

    module: str
    name: str

    def __call__(self) -> None:
        """Never happens: only here because picklers insist on callables."""


class Persistent(NamedTuple):
    """A module as NVlabs' `persistence` pickles it."""

    meta: Any


class Pickler(pickle._Pickler):
    """Writes `Name` and `Persistent` as the things that they stand for."""

    dispatch = pickle._Pickler.dispatch.copy()  # ty: ignore[unresolved-attribute]

    def save_name(self, name: Name) -> None:
        if self.proto < 4:
            self.write(pickle.GLOBAL + f"{name.module}\n{name.name}\n".encode())
            return
        self.save(name.module)
        self.save(name.name)
        self.write(pickle.STACK_GLOBAL)

    def save_persistent(self, module: Persistent) -> None:
        self.save_reduce(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (module.meta,), obj=module)

    dispatch[Name] = save_name
    dispatch[Persistent] = save_persistent


def pickled(value: Any, protocol: int = 4) -> bytes:
    file = io.BytesIO()
    Pickler(file, protocol).dump(value)
    return file.getvalue()


def persistent(network: nn.Module, source: str = "", name: str = "", fir: Tensor = FIR) -> Persistent:
    """A network of ours as NVlabs' modules, with the attributes that their readers need."""
    state: dict[str, Any] = {
        "training": False,
        "_parameters": OrderedDict(network.named_parameters(recurse=False)),
        "_buffers": OrderedDict(network.named_buffers(recurse=False)),
        "_non_persistent_buffers_set": set(),
        "_modules": OrderedDict((key, persistent(child, source, key, fir)) for key, child in network.named_children()),
    }
    if name.startswith("fc"):
        state["weight_gain"] = np.float64(getattr(network, "lr_multiplier", 1) / math.sqrt(network.in_features))  # ty: ignore[invalid-argument-type]
    if name.startswith(("conv", "torgb")):
        state |= {"conv_clamp": getattr(network, "clamp", None), "activation": "lrelu", "use_noise": True}
    if name.startswith("b") and name[1:].isdigit():
        state |= {"architecture": "skip" if isinstance(network, SynthesisBlock) else "resnet"}
        state["_buffers"]["resample_filter"] = fir.clone()
    if isinstance(network, Epilogue):
        mbstd: dict[str, Any] = {"group_size": network.group, "num_channels": network.deviations}
        state["_modules"]["mbstd"] = Persistent(_meta("MinibatchStdLayer", mbstd, source))
    return Persistent(_meta(type(network).__name__, state, source))


def _meta(class_name: str, state: dict[str, Any], source: str) -> dict[str, Any]:
    return {"type": "class", "version": 6, "module_src": source, "class_name": class_name, "state": state}


def rosinality_generator(generator: StyleGAN2) -> dict[str, Tensor]:
    """The state dict of `g_ema`."""
    state, new = generator.state_dict(), {}
    for i in range(generator.config["mapping_depth"]):
        for part in ("weight", "bias"):
            new[f"style.{i + 1}.{part}"] = state[f"mapping.fc{i}.{part}"]
    new["input.input"] = state["synthesis.b4.const"][None]
    for i, size in enumerate(generator.synthesis.resolutions):
        block = f"synthesis.b{size}"
        if i:
            new |= _rosinality_layer(state, f"{block}.conv0", f"convs.{2 * i - 2}", 2 * i - 1)
            new[f"convs.{2 * i - 2}.conv.blur.kernel"] = FIR * 4
        new |= _rosinality_layer(state, f"{block}.conv1", f"convs.{2 * i - 1}" if i else "conv1", 2 * i)
        rgb = f"to_rgbs.{i - 1}" if i else "to_rgb1"
        new |= _rosinality_modulation(state, f"{block}.torgb", rgb)
        new[f"{rgb}.bias"] = state[f"{block}.torgb.bias"].view(1, -1, 1, 1)
    return new


def _rosinality_layer(state: dict[str, Tensor], source: str, target: str, noise: int) -> dict[str, Tensor]:
    return _rosinality_modulation(state, source, target) | {
        f"{target}.activate.bias": state[f"{source}.bias"],
        f"{target}.noise.weight": state[f"{source}.noise_strength"].view(1),
        f"noises.noise_{noise}": state[f"{source}.noise_const"][None, None],
    }


def _rosinality_modulation(state: dict[str, Tensor], source: str, target: str) -> dict[str, Tensor]:
    new = {f"{target}.conv.modulation.{part}": state[f"{source}.affine.{part}"] for part in ("weight", "bias")}
    return new | {f"{target}.conv.weight": state[f"{source}.weight"][None]}


def rosinality_discriminator(discriminator: StyleGAN2Discriminator) -> dict[str, Tensor]:
    """The state dict of `d`."""
    state, *names = discriminator.state_dict(), *discriminator.block_names
    new = {f"convs.0.{i}": state[f"{names[0]}.fromrgb.{part}"] for i, part in (("0.weight", "weight"), ("1.bias", "bias"))}
    tails = {"conv1.0.weight": "conv0.weight", "conv1.1.bias": "conv0.bias", "conv2.1.weight": "conv1.weight"}
    tails |= {"conv2.2.bias": "conv1.bias", "skip.1.weight": "skip.weight"}
    for i, name in enumerate(names[:-1]):
        new |= {f"convs.{i + 1}.{tail}": state[f"{name}.{ours}"] for tail, ours in tails.items()}
        new[f"convs.{i + 1}.conv2.0.kernel"] = FIR
    ends = {"final_conv.0.weight": "conv.weight", "final_conv.1.bias": "conv.bias"}
    for i, layer in enumerate(("fc", "out")):
        ends |= {f"final_linear.{i}.{part}": f"{layer}.{part}" for part in ("weight", "bias")}
    return new | {theirs: state[f"b4.{ours}"] for theirs, ours in ends.items()}


def rosinality_training_state(generator: StyleGAN2, discriminator: StyleGAN2Discriminator) -> dict[str, Any]:
    """All that rosinality's training script saves: networks, optimizer and the command line."""
    network = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "g": {name: tensor + 1 for name, tensor in rosinality_generator(generator).items() if not name.endswith("kernel")},
        "d": rosinality_discriminator(discriminator),
        "g_ema": rosinality_generator(generator),
        "g_optim": optimizer.state_dict(),
        "args": argparse.Namespace(size=16, lr=0.002, wandb=False),
        "ada_aug_p": 0.0,
        "latent_avg": generator.mapping.w_avg,
    }


def save_pickle(value: Any, path: Path, protocol: int = 4) -> Path:
    path.write_bytes(pickled(value, protocol))
    return path
