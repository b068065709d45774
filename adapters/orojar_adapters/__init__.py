"""Other people's generators, brought to one contract.

`FAMILIES` is the one table of what can be read; a family is one class on `Generator`. Other packages add theirs through the
entry-point group `orojar_finetune.adapters` (see `networks.families`).
"""

import os

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.generator import Generator, Layer, Noise
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.families import FAMILIES, add_installed
from orojar_adapters.networks.lora import Adapter
from orojar_adapters.networks.new import new_discriminator, new_networks
from orojar_adapters.networks.wrapping import wrap
from orojar_adapters.opening.opened import Opened, open_source

__all__ = [
    "FAMILIES",
    "Adapter",
    "CheckpointError",
    "Discriminator",
    "Generator",
    "Layer",
    "Noise",
    "Opened",
    "SourceFacts",
    "load_discriminator",
    "load_generator",
    "new_discriminator",
    "new_networks",
    "open_source",
    "wrap",
]


def load_generator(source: str | os.PathLike, revision: str | None = None) -> Generator:
    """The generator of a checkpoint, in float32 on the CPU, ready for inference. Nothing in the file is run.

    Args:
        source: a file, a folder, `user/repo`, `user/repo/sub/folder`, `user/repo/file.pkl`, or any address of the Hub.
        revision: branch, tag or commit on the Hub.

    Raises:
        CheckpointError: nothing there, several checkpoints and no way to choose, or one that cannot or must not be read.
    """
    return open_source(source, revision).generator()


def load_discriminator(source: str | os.PathLike, revision: str | None = None) -> Discriminator:
    """The discriminator that a checkpoint holds beside its generator; sources as in `load_generator`.

    Raises:
        CheckpointError: as for `load_generator`, or there is no discriminator.
    """
    return open_source(source, revision).discriminator()


add_installed(FAMILIES)  # last, so that other packages find all the names above
