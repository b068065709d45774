"""Independent latent directions for pretrained StyleGANs, with Orthogonal Jacobian Regularization (ICCV 2021)."""

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the one list of public names: type checkers follow it, and `_homes` reads it
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


def _homes() -> dict[str, str]:
    """The module of each public name, out of the imports above, which are not run."""
    source = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    block = next(node for node in source.body if isinstance(node, ast.If))
    return {alias.name: line.module or "" for line in block.body if isinstance(line, ast.ImportFrom) for alias in line.names}


_HOMES = _homes()
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: the command line shows its help without torch."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
