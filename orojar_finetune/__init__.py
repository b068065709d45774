"""Independent latent directions for pretrained StyleGANs, with Orthogonal Jacobian Regularization (ICCV 2021)."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names as in `_HOMES`: a test compares them
    from orojar_adapters import CheckpointError as CheckpointError
    from orojar_adapters import load_discriminator as load_discriminator
    from orojar_adapters import load_generator as load_generator
    from orojar_finetune.config import CompareConfig as CompareConfig
    from orojar_finetune.config import DiscoverConfig as DiscoverConfig
    from orojar_finetune.config import EvaluateConfig as EvaluateConfig
    from orojar_finetune.config import FinetuneConfig as FinetuneConfig
    from orojar_finetune.config import TrainConfig as TrainConfig
    from orojar_finetune.discovery import discover as discover
    from orojar_finetune.evaluation.comparing import compare as compare
    from orojar_finetune.evaluation.evaluating import evaluate as evaluate
    from orojar_finetune.latents.directions import Directions as Directions
    from orojar_finetune.latents.editing import generate_edited as generate_edited
    from orojar_finetune.latents.opened import open_source as open_source
    from orojar_finetune.latents.recipe import Recipe as Recipe
    from orojar_finetune.penalty import hessian_penalty as hessian_penalty
    from orojar_finetune.penalty import orojar as orojar
    from orojar_finetune.sharing.export import write_export as write_export
    from orojar_finetune.sharing.hub import push as push
    from orojar_finetune.sharing.model_folder import write_model_folder as write_model_folder
    from orojar_finetune.training.finetuning import finetune as finetune
    from orojar_finetune.training.from_scratch import train as train

__version__ = "0.1.0"


_HOMES = {
    "orojar_adapters": ("CheckpointError", "load_discriminator", "load_generator"),
    "orojar_finetune.config": ("CompareConfig", "DiscoverConfig", "EvaluateConfig", "FinetuneConfig", "TrainConfig"),
    "orojar_finetune.discovery": ("discover",),
    "orojar_finetune.evaluation.comparing": ("compare",),
    "orojar_finetune.evaluation.evaluating": ("evaluate",),
    "orojar_finetune.latents.directions": ("Directions",),
    "orojar_finetune.latents.editing": ("generate_edited",),
    "orojar_finetune.latents.opened": ("open_source",),
    "orojar_finetune.latents.recipe": ("Recipe",),
    "orojar_finetune.penalty": ("hessian_penalty", "orojar"),
    "orojar_finetune.sharing.export": ("write_export",),
    "orojar_finetune.sharing.hub": ("push",),
    "orojar_finetune.sharing.model_folder": ("write_model_folder",),
    "orojar_finetune.training.finetuning": ("finetune",),
    "orojar_finetune.training.from_scratch": ("train",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: the command line shows its help without torch."""
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
