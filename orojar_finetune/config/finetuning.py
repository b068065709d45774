"""How a pretrained generator is fine-tuned."""

from dataclasses import asdict, field
from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Count, checked
from orojar_finetune.config.discovery import DiscoverConfig, Space
from orojar_finetune.config.fidelity import FidelityConfig
from orojar_finetune.config.flags import FLAT, PythonOnly
from orojar_finetune.config.gan import GanConfig
from orojar_finetune.config.penalty import PenaltyConfig
from orojar_finetune.config.running import DataConfig, RunConfig


@checked
class SearchConfig:
    """Search for directions if MODEL has none; for more options, run `orojar discover` first."""

    method: str = "orojar-jd"
    """Search method; see `orojar discover --help`."""
    space: Space = "auto"
    """Latent space: z, w, w+, or auto (w if the generator has one, otherwise z)."""
    count: Count = 10
    """Number of directions."""
    layers: tuple[int, int] | None = None
    """Layers that the directions move, in w or w+: START END, END excluded. If not set: all."""


@checked
class FinetuneConfig:
    """How a generator is fine-tuned so that its directions become independent while its images stay as good."""

    trainable: Literal["auto", "all", "mapping", "synthesis", "affine", "lora"] = "auto"
    """Generator weights to train: all, mapping (network), synthesis (network), affine (modulation layers), lora, or auto.
    lora: LoRA adapters on the modulation layers; needs peft.
    auto: affine if the generator has modulation layers, otherwise all."""
    rank: Count = 8
    """LoRA rank, for `--trainable lora`."""
    discriminator_steps: PythonOnly[Annotated[int, Field(ge=0)]] = 500
    """Steps in which a new discriminator first trains alone, if the checkpoint has none that can be used."""
    discriminator_width: PythonOnly[Count] = 32
    """Channels of a new discriminator at full resolution; they double each time the resolution is halved, up to 8 times as many
    (16 times from 128 pixels up)."""
    discover: SearchConfig = field(default_factory=SearchConfig)
    penalty: PenaltyConfig = field(default_factory=PenaltyConfig)
    fidelity: FidelityConfig = field(default_factory=FidelityConfig)
    gan: Annotated[GanConfig, FLAT] = field(default_factory=GanConfig)
    run: Annotated[RunConfig, FLAT] = field(default_factory=RunConfig)
    images: Annotated[DataConfig, FLAT] = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        _ = self.search

    @property
    def search(self) -> DiscoverConfig:
        """The config of the search, with the seed of the run."""
        return DiscoverConfig(**asdict(self.discover), seed=self.run.seed)
