"""Every option, its default and its help text. Nothing heavy is imported here: `--help` reads these files."""

from orojar_finetune.config.discovery import DescentConfig, DiscoverConfig
from orojar_finetune.config.evaluation import CompareConfig, EvaluateConfig
from orojar_finetune.config.fidelity import ComparisonConfig, FidelityConfig
from orojar_finetune.config.finetuning import FinetuneConfig, SearchConfig
from orojar_finetune.config.flags import FLAT
from orojar_finetune.config.gan import RATE, GanConfig
from orojar_finetune.config.penalty import FORMS, Cosine, Hessian, JacobianPenaltyConfig, PenaltyConfig, Variance
from orojar_finetune.config.running import DataConfig, RunConfig
from orojar_finetune.config.training import NetworkConfig, TrainConfig

__all__ = [
    "FLAT",
    "FORMS",
    "RATE",
    "CompareConfig",
    "ComparisonConfig",
    "Cosine",
    "DataConfig",
    "DescentConfig",
    "DiscoverConfig",
    "EvaluateConfig",
    "FidelityConfig",
    "FinetuneConfig",
    "GanConfig",
    "Hessian",
    "JacobianPenaltyConfig",
    "NetworkConfig",
    "PenaltyConfig",
    "RunConfig",
    "SearchConfig",
    "TrainConfig",
    "Variance",
]
