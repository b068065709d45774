"""What is measured of a generator and its directions, and on how much."""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Count, checked
from orojar_finetune.config.discovery import METHOD_OPTIONS, AtLeastTwo, LayerNumbers, Space, check_methods
from orojar_finetune.config.flags import PythonOnly

MEASURES = ("off-diagonal", "activeness", "path-length", "traversal", "preservation", "fidelity", "ground-truth")
HELD_OUT = 256
"""Held-out latents behind every figure that is printed or written."""


def check_measures(measures: tuple[str, ...]) -> None:
    """Refuses names that no measure has.

    Raises:
        ValueError: says which there are.
    """
    if unknown := [name for name in measures if name not in MEASURES]:
        raise ValueError(f"measures must be some of {', '.join(MEASURES)}, got {', '.join(unknown)}")


@checked
class EvaluateConfig:
    """What is measured, and on how many images."""

    measures: tuple[str, ...] = MEASURES
    """off-diagonal (share and cos² of the Jacobian's Gram matrix, effective directions, activity), activeness, path-length
    (PPL), traversal (PIPL and the length of whole traversals), preservation, fidelity (Fréchet and kernel distance, precision,
    recall; needs --data), ground-truth (DCI and MIG; needs --data scenes)."""
    latents: PythonOnly[AtLeastTwo] = HELD_OUT
    """Held-out latents at which directions are measured; confidence intervals are over them."""
    images: Annotated[int, Field(ge=4)] = 2048
    """Images on each side of a comparison with real images."""
    pairs: PythonOnly[AtLeastTwo] = 2000
    """Pairs of latents behind a path length."""
    distance: Literal["pixels", "lpips"] = "pixels"
    """Image distance of path lengths: pixels (mean squared difference), or lpips as published (needs the packages lpips and
    torchvision, and the network's weights)."""
    features: str = "auto"
    """Features that images are compared by: scenes, random, inception, or module:function for your own network; auto takes
    scenes for the built-in scenes, inception for other real images where it is installed, otherwise random. The results say
    which."""
    activations: PythonOnly[LayerNumbers | None] = None
    """Layers measured beside the image; None takes the last one of each resolution from 8 x 8 pixels on."""
    identity: PythonOnly[str | None] = None
    """Features of a recognition network (as for `features`) by which preservation also says whether edits keep the identity."""
    predictability: Literal["none", "quick", "paper"] = "none"
    """Variation predictability (VP) of the directions: quick trains its networks for 30 epochs, paper for 300 as published."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        check_measures(self.measures)


@checked
class CompareConfig:
    """Which methods are compared, on which latents, by which measures."""

    methods: tuple[str, ...] = tuple(METHOD_OPTIONS)
    """Methods of `orojar discover`."""
    method_options: PythonOnly[dict[str, dict]] = field(default_factory=dict)
    """Options of single methods by their name, as in {"orojar": {"steps": 1000}}."""
    count: Count = 10
    """Number of directions."""
    space: Space = "auto"
    """Latent space: z, w or w+; auto takes w where the generator has one."""
    layers: tuple[int, int] | None = None
    """First layer and one past the last that the directions move, in w or w+. If not set: all."""
    batch_size: Count = 64
    """Maximum number of images generated at once."""
    measures: tuple[str, ...] = ("off-diagonal", "ground-truth")
    """Measures of `orojar evaluate`; ground-truth needs --data scenes."""
    latents: PythonOnly[AtLeastTwo] = HELD_OUT
    """Held-out latents at which directions are measured."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        check_methods(self.methods)
        check_methods(tuple(self.method_options))
        check_measures(self.measures)
