"""Every option, its default and its sentence of help. Nothing heavy is imported here: `--help` reads these files."""

from orojar_finetune.config.discovery import DescentConfig, DiscoverConfig
from orojar_finetune.config.evaluation import CompareConfig, EvaluateConfig
from orojar_finetune.config.fidelity import ComparisonConfig, FidelityConfig
from orojar_finetune.config.finetuning import FLAT, FinetuneConfig
from orojar_finetune.config.gan import RATE, GanConfig, NetworkConfig
from orojar_finetune.config.penalty import JacobianPenaltyConfig, PenaltyConfig
from orojar_finetune.config.running import DataConfig, RunConfig
from orojar_finetune.config.training import TrainConfig

__all__ = [
    "FLAT",
    "RATE",
    "CompareConfig",
    "ComparisonConfig",
    "DataConfig",
    "DescentConfig",
    "DiscoverConfig",
    "EvaluateConfig",
    "FidelityConfig",
    "FinetuneConfig",
    "GanConfig",
    "JacobianPenaltyConfig",
    "NetworkConfig",
    "PenaltyConfig",
    "RunConfig",
    "TrainConfig",
]
