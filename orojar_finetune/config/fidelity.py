"""How generated images are compared with real ones, and how far a fine-tune may drift from them."""

from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Positive, checked
from orojar_finetune.config.flags import PythonOnly


@checked
class ComparisonConfig:
    """What validations measure, and on how many images."""

    features: PythonOnly[str] = "auto"
    """Features of the Fréchet distance: scenes (the bundled network), random (a random network), inception (torch-fidelity), or
    module:function for a network of your own; auto takes scenes for the built-in scenes and random otherwise."""
    images: PythonOnly[Annotated[int, Field(ge=2)]] = 2048
    """Images on each side of a Fréchet distance."""
    latents: PythonOnly[Annotated[int, Field(ge=2)]] = 32
    """Held-out latents on which each validation measures the directions."""


@checked
class FidelityConfig(ComparisonConfig):
    """How far a fine-tune may drift from the real images."""

    max_drift: Positive = 0.1
    """Stop when the normalized Fréchet distance exceeds its starting value by more than this (normalized by the trace of the
    real features' covariance); the best generator before that is kept."""
    keep: PythonOnly[Literal["best", "last"]] = "best"
    """Which generator is kept: the best validation's (lowest off-diagonal cos² relative to the start plus the used fraction of
    the allowed drift; once the penalty is annealed, the last one within the allowed drift), or the last."""
