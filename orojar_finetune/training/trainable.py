"""Chooses which weights of a generator train, and adds and removes LoRA adapters; only this file uses peft."""

import copy
import dataclasses
from pathlib import Path

import torch
from torch import nn

from orojar_adapters import Adapter, Generator
from orojar_finetune.config import RATE, FinetuneConfig

NAME = "default"
"""The name that peft gives an adapter without one."""
CHOICES = ("all", "mapping", "synthesis", "affine", "lora")
RATES = {"affine": 3e-3}
"""Learning rates of the generator that worked best where these weights train alone (docs/what_was_tried.md)."""


def resolved(config: FinetuneConfig, generator: Generator) -> FinetuneConfig:
    """Returns the config with everything filled in that depends on this generator or on other options."""
    what = config.trainable
    if what == "auto":
        what = "affine" if generator.tunable.get("affine") else "all"
    gan, penalty = config.gan.with_rates(RATES.get(what, RATE)), config.penalty.with_options()
    return dataclasses.replace(config, trainable=what, gan=gan, penalty=penalty)


def choose(generator: Generator, what: str, rank: int, seed: int = 0) -> None:
    """Turns gradients on for the weights to train and off for the rest.

    Args:
        what: one of `CHOICES`; `lora` adds low-rank adapters to the modulation layers and trains only these.
        rank: of the adapters.
        seed: of the adapters' first factors.

    Raises:
        ValueError: there is no such choice, the family has no such weights, peft is not installed, or `lora` on a generator
            that was read from an adapter: nobody could say what the new one changes.
    """
    if what not in CHOICES:
        raise ValueError(f"trainable must be one of auto, {', '.join(CHOICES)}, got {what!r}")
    generator.requires_grad_(what == "all")
    if what == "all":
        return
    names = generator.tunable.get("affine" if what == "lora" else what, ())
    if not names:
        known = ", ".join(["all", *generator.tunable])
        raise ValueError(f"a {generator.family} has no {what} weights to train separately; it has: {known}")
    if what == "lora":
        _add_adapters(generator, names, rank, seed)
        return
    for name in names:
        generator.get_submodule(name).requires_grad_(True)


def _add_adapters(generator: Generator, names: tuple[str, ...], rank: int, seed: int) -> None:
    facts = generator.source_facts
    if facts is not None and facts.adapter is not None:
        raise ValueError(f"{facts.source} is already an adapter: write the whole model with `orojar merge` and fine-tune that")
    try:
        import peft
    except ImportError as e:
        raise ValueError("trainable lora needs peft: pip install 'orojar-finetune[lora]'") from e
    config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=list(names))
    with torch.random.fork_rng(devices=[]):  # peft draws from torch's global generator, on the CPU
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(config, generator)


def without_adapters(trained: Generator, original: Generator, what: str) -> tuple[Generator, Adapter | None]:
    """Returns a plain generator, and its adapter if `choose` added one: then the original with the adapter folded in.

    Args:
        original: the generator before `choose`.
        what: the choice.
    """
    if what != "lora":
        return trained, None
    adapter, generator = _learned(trained), copy.deepcopy(original)
    adapter.fold_into(generator)
    return generator, adapter


def _learned(generator: Generator) -> Adapter:
    from peft.tuners.lora import LoraLayer

    layers = {name: module for name, module in generator.named_modules() if isinstance(module, LoraLayer)}
    factors = {name: (_factor(layer.lora_A), _factor(layer.lora_B)) for name, layer in layers.items()}
    one = next(iter(layers.values()))
    facts = generator.source_facts
    on_hub = facts is not None and facts.revision is not None
    base = None if facts is None else facts.source if on_hub else str(Path(facts.source).expanduser().absolute())
    return Adapter(base, facts.revision if on_hub else None, one.r[NAME], float(one.lora_alpha[NAME]), factors)


def _factor(side: nn.ModuleDict) -> torch.Tensor:
    return side[NAME].get_parameter("weight").detach().cpu().clone(memory_format=torch.contiguous_format)
