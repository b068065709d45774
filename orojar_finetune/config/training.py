"""How a generator is trained from nothing."""

from dataclasses import dataclass, field
from typing import Annotated

from orojar_finetune.config.fidelity import ComparisonConfig
from orojar_finetune.config.finetuning import FLAT
from orojar_finetune.config.gan import GanConfig, NetworkConfig
from orojar_finetune.config.penalty import JacobianPenaltyConfig
from orojar_finetune.config.running import DataConfig, RunConfig


@dataclass(frozen=True)
class TrainConfig:
    """How a generator is trained from nothing."""

    images: Annotated[DataConfig, FLAT] = field(default_factory=DataConfig)
    network: Annotated[NetworkConfig, FLAT] = field(default_factory=NetworkConfig)
    gan: Annotated[GanConfig, FLAT] = field(default_factory=GanConfig)
    run: Annotated[RunConfig, FLAT] = field(default_factory=RunConfig)
    penalty: JacobianPenaltyConfig = field(default_factory=JacobianPenaltyConfig)
    fidelity: ComparisonConfig = field(default_factory=ComparisonConfig)
