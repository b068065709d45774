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
    """The search for directions before a fine-tune; `orojar discover` has more options."""

    method: str = "orojar-jd"
    """Method of `orojar discover` that finds the directions if the source has none."""
    space: Space = "auto"
    """Latent space of the directions: z, w, or w+; auto takes w where the generator has one."""
    count: Count = 10
    """Number of directions."""
    layers: tuple[int, int] | None = None
    """First layer and one past the last that the directions move, in w or w+. If not set: all."""


@checked
class FinetuneConfig:
    """How a generator is fine-tuned so that its directions become independent while its images stay as good."""

    trainable: Literal["auto", "all", "mapping", "synthesis", "affine", "lora"] = "auto"
    """Weights to train: all, the mapping network, the synthesis network, its modulation layers (affine), or low-rank adapters
    on these (lora, needs peft). auto: the modulation layers where there are any, otherwise all."""
    rank: Count = 8
    """Rank of the LoRA adapters."""
    discriminator_steps: PythonOnly[Annotated[int, Field(ge=0)]] = 500
    """Steps in which a new discriminator trains alone, where the checkpoint has none that can be read."""
    discriminator_width: PythonOnly[Count] = 32
    """Channels of a new discriminator at full resolution; they double with every halving, up to 8 times as many (16 times from
    128 pixels on)."""
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
        """The search as `discover` takes it, with the seed of the run."""
        return DiscoverConfig(**asdict(self.discover), seed=self.run.seed)
