"""Our generators in other people's formats: one file a format, pure functions from networks to tensors."""

from collections.abc import Callable
from typing import NamedTuple

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.generator import Generator
from orojar_adapters.writers import nvlabs, rosinality
from orojar_adapters.writers.export import Export


class Format(NamedTuple):
    """How a format is made, and how its files may end; the first ending is the usual one."""

    export: Callable[[Generator, Discriminator | None], Export]
    suffixes: tuple[str, ...]


FORMATS: dict[str, Format] = {
    "nvlabs": Format(nvlabs.export, (".safetensors", ".pt")),
    "rosinality": Format(rosinality.export, (".pt",)),
}
