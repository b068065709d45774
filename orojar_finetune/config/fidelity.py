"""Options of the comparison with real images: features, sizes, and how far a fine-tune may drift."""

from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Positive, checked
from orojar_finetune.config.flags import PythonOnly


@checked
class ComparisonConfig:
    """What validations measure, and on how many images."""

    features: PythonOnly[str] = "auto"
    """Features of the Fréchet distance: scenes (bundled network), random (random weights), inception (torch-fidelity),
    module:function (your own network), or auto (scenes for the built-in scenes, otherwise random)."""
    images: PythonOnly[Annotated[int, Field(ge=2)]] = 2048
    """Number of generated and of real images per Fréchet distance."""
    latents: PythonOnly[Annotated[int, Field(ge=2)]] = 32
    """Held-out latents on which validations measure the directions."""


@checked
class FidelityConfig(ComparisonConfig):
    """How much image quality a fine-tune may lose before it stops."""

    max_drift: Positive = 0.1
    """Stop when the Fréchet distance exceeds its starting value by more than this, and keep the best generator before that.
    The distance is divided by the variance of the real images' features, so it is not on FID's scale."""
    keep: PythonOnly[Literal["best", "last"]] = "best"
    """Which generator to keep. best: the one with the lowest score at a validation (off-diagonal cos² relative to the start,
    plus the fraction of `max_drift` used up) or, once the penalty is annealed, the last one within `max_drift`. last: the
    final one."""
