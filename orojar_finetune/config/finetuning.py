"""How weights are tuned."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from orojar_finetune.config.checks import at_least
from orojar_finetune.config.discovery import DiscoverConfig
from orojar_finetune.config.fidelity import FidelityConfig
from orojar_finetune.config.gan import GanConfig
from orojar_finetune.config.penalty import PenaltyConfig
from orojar_finetune.config.running import DataConfig, RunConfig

FLAT = tyro.conf.arg(name="")
"""On the command line these options bear no prefix."""


@dataclass(frozen=True)
class FinetuneConfig:
    """How a generator is tuned so that directions become independent and the images stay what they are."""

    trainable: Literal["auto", "all", "mapping", "synthesis", "affine", "lora"] = "auto"
    """The weights that may move: all, the mapping from z to w, the synthesis, its modulation layers (affine), or small low-rank
    adapters on these (needs peft). auto: the modulation layers where there are some, otherwise all."""
    lora_rank: int = 8
    """Rank of the adapters."""
    discriminator_steps: int = 500
    """Where the checkpoint has no discriminator: steps in which a new one learns before the generator moves."""
    discriminator_width: int = 32
    """Feature maps of a new discriminator at full resolution; with every halving they double, to 8 times as many (16 times from
    128 pixels on)."""
    discover: DiscoverConfig = field(default_factory=DiscoverConfig)
    """How directions are found where none are given."""
    penalty: PenaltyConfig = field(default_factory=PenaltyConfig)
    fidelity: FidelityConfig = field(default_factory=FidelityConfig)
    gan: Annotated[GanConfig, FLAT] = field(default_factory=GanConfig)
    run: Annotated[RunConfig, FLAT] = field(default_factory=RunConfig)
    images: Annotated[DataConfig, FLAT] = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        at_least("lora_rank", self.lora_rank, 1)
        at_least("discriminator_steps", self.discriminator_steps, 0)
        at_least("discriminator_width", self.discriminator_width, 1)
