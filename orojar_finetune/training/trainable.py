"""Which weights of a generator may move, and low-rank adapters on and off again: the only file that speaks of peft."""

import copy
import dataclasses
from pathlib import Path

import torch
from torch import nn

from orojar_adapters import Adapter, Generator
from orojar_finetune.config import RATE, FinetuneConfig

NAME = "default"
"""What peft calls an adapter that has no name."""
CHOICES = ("all", "mapping", "synthesis", "affine", "lora")
RATES = {"affine": 3e-3}
"""Learning rates of the generator that won where these weights train alone (docs/what_was_tried.md); others have `RATE`."""


def resolved(config: FinetuneConfig, generator: Generator) -> FinetuneConfig:
    """The same with everything said that depends on which weights this generator has."""
    what = config.trainable
    if what == "auto":
        what = "affine" if generator.tunable.get("affine") else "all"
    return dataclasses.replace(config, trainable=what, gan=config.gan.with_rates(RATES.get(what, RATE)))


def choose(generator: Generator, what: str, lora_rank: int, seed: int = 0) -> None:
    """Leaves gradients on the weights that may move and takes them off the rest.

    Args:
        what: one of `CHOICES`; `lora` puts low-rank adapters on the modulation layers and moves these alone.
        lora_rank: rank of the adapters.
        seed: of the adapters' first factors.

    Raises:
        ValueError: no such choice, or a family without such weights, or peft is not installed, or `lora` on weights that were
            read from an adapter: nobody could say what the new one changes.
    """
    if what not in CHOICES:
        raise ValueError(f"trainable must be one of auto, {', '.join(CHOICES)}, got {what!r}")
    generator.requires_grad_(what == "all")
    if what == "all":
        return
    names = generator.tunable.get("affine" if what == "lora" else what, ())
    if not names:
        known = ", ".join(["all", *generator.tunable])
        raise ValueError(f"a {generator.family} has no {what} weights of its own to tune; it has: {known}")
    if what == "lora":
        _add_adapters(generator, names, lora_rank, seed)
        return
    for name in names:
        generator.get_submodule(name).requires_grad_(True)


def _add_adapters(generator: Generator, names: tuple[str, ...], rank: int, seed: int) -> None:
    facts = generator.source_facts
    if facts is not None and facts.adapter is not None:
        raise ValueError(f"{facts.source} is an adapter already: write it whole with `orojar merge`, then tune that")
    try:
        import peft
    except ImportError as e:
        raise ValueError("trainable lora needs peft: pip install 'orojar-finetune[lora]'") from e
    config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=list(names))
    with torch.random.fork_rng(devices=[]):  # peft draws from torch's own numbers, on the CPU
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(config, generator)


def without_adapters(tuned: Generator, original: Generator, what: str) -> tuple[Generator, Adapter | None]:
    """A tuned generator as an ordinary one: where `choose` put adapters on it, the original with these folded in, and they.

    Args:
        original: as it was before `choose`.
        what: was chosen.
    """
    if what != "lora":
        return tuned, None
    adapter, generator = _learned(tuned), copy.deepcopy(original)
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
