"""Every option, its default and its help text. Nothing heavy is imported here: `--help` reads these files."""

from orojar_finetune.config.discovery import (
    METHOD_OPTIONS,
    AxesOptions,
    DescentOptions,
    DiscoverConfig,
    GanspaceOptions,
    HessianOptions,
    JacobianOptions,
    LatentCLROptions,
    PenaltyOptions,
    option_names,
)
from orojar_finetune.config.evaluation import HELD_OUT, MEASURES, CompareConfig, EvaluateConfig
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
    "HELD_OUT",
    "MEASURES",
    "METHOD_OPTIONS",
    "RATE",
    "AxesOptions",
    "CompareConfig",
    "ComparisonConfig",
    "Cosine",
    "DataConfig",
    "DescentOptions",
    "DiscoverConfig",
    "EvaluateConfig",
    "FidelityConfig",
    "FinetuneConfig",
    "GanConfig",
    "GanspaceOptions",
    "Hessian",
    "HessianOptions",
    "JacobianOptions",
    "JacobianPenaltyConfig",
    "LatentCLROptions",
    "NetworkConfig",
    "PenaltyConfig",
    "PenaltyOptions",
    "RunConfig",
    "SearchConfig",
    "TrainConfig",
    "Variance",
    "option_names",
]
