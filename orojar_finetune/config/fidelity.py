"""What generated images are compared with real ones by, and how a tuning is kept from drifting."""

from dataclasses import dataclass
from typing import Literal

from orojar_finetune.config.checks import above_zero, at_least


@dataclass(frozen=True)
class ComparisonConfig:
    """What validations measure, and on how much."""

    features: str = "auto"
    """What images are compared by: scenes (the bundled network), random (a random network), inception (torch-fidelity), or
    module:function for a network of your own; auto takes scenes for the built-in scenes and random otherwise."""
    images: int = 2048
    """Images on each side of a Fréchet distance."""
    latents: int = 32
    """Held-out latents on which orthogonality and activity are measured in each validation."""

    def __post_init__(self) -> None:
        at_least("images", self.images, 2)
        at_least("latents", self.latents, 2)


@dataclass(frozen=True)
class FidelityConfig(ComparisonConfig):
    """How it is watched that the images stay what they are."""

    max_drift: float = 0.1
    """The run stops when the Fréchet distance to the real images exceeds the start's by this part of the distance from the
    real images to their own mean; the best generator before is kept."""
    keep: Literal["best", "last"] = "best"
    """Which generator of the run is kept: that of the best validation (orthogonality as a part of the start's, plus the used
    part of the allowed drift; once the penalty has settled, the last within the allowed drift), or the last."""

    def __post_init__(self) -> None:
        super().__post_init__()
        above_zero("max_drift", self.max_drift)
