"""Our generators in other projects' formats: one file for each, pure functions from networks to tensors."""

from collections.abc import Callable
from typing import NamedTuple

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.generator import Generator
from orojar_adapters.writers import nvlabs, rosinality
from orojar_adapters.writers.export import Export


class Format(NamedTuple):
    """The function that makes a format, and the endings that its files may have, the usual one first."""

    export: Callable[[Generator, Discriminator | None], Export]
    suffixes: tuple[str, ...]


FORMATS: dict[str, Format] = {
    "nvlabs": Format(nvlabs.export, (".safetensors", ".pt")),
    "rosinality": Format(rosinality.export, (".pt",)),
}
