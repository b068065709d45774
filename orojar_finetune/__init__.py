"""Independent latent directions for pretrained StyleGANs, with Orthogonal Jacobian Regularization (ICCV 2021)."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orojar_adapters import CheckpointError, load_discriminator, load_generator
    from orojar_finetune.config import CompareConfig, DescentConfig, DiscoverConfig, EvaluateConfig, FinetuneConfig, TrainConfig
    from orojar_finetune.discovery import discover
    from orojar_finetune.evaluation.comparing import compare
    from orojar_finetune.evaluation.evaluating import evaluate
    from orojar_finetune.latents.directions import Directions
    from orojar_finetune.latents.editing import generate_edited
    from orojar_finetune.latents.opened import open_source
    from orojar_finetune.latents.recipe import Recipe
    from orojar_finetune.penalty import hessian_penalty, orojar
    from orojar_finetune.sharing.export import write_export
    from orojar_finetune.sharing.hub import push
    from orojar_finetune.sharing.model_folder import write_model_folder
    from orojar_finetune.training.finetuning import finetune
    from orojar_finetune.training.from_scratch import train

__version__ = "0.1.0"

_HOMES = {
    "CheckpointError": "orojar_adapters",
    "load_discriminator": "orojar_adapters",
    "load_generator": "orojar_adapters",
    "open_source": "orojar_finetune.latents.opened",
    "CompareConfig": "orojar_finetune.config",
    "DescentConfig": "orojar_finetune.config",
    "DiscoverConfig": "orojar_finetune.config",
    "EvaluateConfig": "orojar_finetune.config",
    "FinetuneConfig": "orojar_finetune.config",
    "TrainConfig": "orojar_finetune.config",
    "Directions": "orojar_finetune.latents.directions",
    "discover": "orojar_finetune.discovery",
    "generate_edited": "orojar_finetune.latents.editing",
    "compare": "orojar_finetune.evaluation.comparing",
    "evaluate": "orojar_finetune.evaluation.evaluating",
    "write_export": "orojar_finetune.sharing.export",
    "push": "orojar_finetune.sharing.hub",
    "write_model_folder": "orojar_finetune.sharing.model_folder",
    "hessian_penalty": "orojar_finetune.penalty",
    "orojar": "orojar_finetune.penalty",
    "Recipe": "orojar_finetune.latents.recipe",
    "finetune": "orojar_finetune.training.finetuning",
    "train": "orojar_finetune.training.from_scratch",
}

__all__ = [
    "CheckpointError",
    "CompareConfig",
    "DescentConfig",
    "Directions",
    "DiscoverConfig",
    "EvaluateConfig",
    "FinetuneConfig",
    "Recipe",
    "TrainConfig",
    "compare",
    "discover",
    "evaluate",
    "finetune",
    "generate_edited",
    "hessian_penalty",
    "load_discriminator",
    "load_generator",
    "open_source",
    "orojar",
    "push",
    "train",
    "write_export",
    "write_model_folder",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used: the command line shows its help without torch."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
