"""Which weights of a generator may move."""

from torch import nn

from orojar_adapters import Generator

CHOICES = ("all", "mapping", "synthesis", "affine", "lora")


def choose(generator: Generator, what: str, lora_rank: int) -> None:
    """Leaves gradients on the weights that may move and takes them off the rest.

    Args:
        what: one of `CHOICES`; `lora` puts low-rank adapters on the modulation layers and moves these alone.
        lora_rank: rank of the adapters.

    Raises:
        ValueError: no such choice, or a family without such weights, or peft is not installed.
    """
    if what not in CHOICES:
        raise ValueError(f"trainable must be one of {', '.join(CHOICES)}, got {what!r}")
    generator.requires_grad_(what == "all")
    if what == "all":
        return
    names = generator.tunable.get("affine" if what == "lora" else what, ())
    if not names:
        known = ", ".join(["all", *generator.tunable])
        raise ValueError(f"a {generator.family} has no {what} weights of its own to tune; it has: {known}")
    if what == "lora":
        _add_adapters(generator, names, lora_rank)
        return
    for name in names:
        generator.get_submodule(name).requires_grad_(True)


def _add_adapters(generator: nn.Module, names: tuple[str, ...], rank: int) -> None:
    try:
        import peft
    except ImportError as e:
        raise ValueError("trainable lora needs peft: pip install 'orojar-finetune[lora]'") from e
    config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=list(names))
    peft.inject_adapter_in_model(config, generator)
