"""Options of `evaluate` and `compare`: what is measured, and on how many latents and images."""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Count, checked
from orojar_finetune.config.discovery import METHOD_OPTIONS, AtLeastTwo, LayerNumbers, Space, check_methods
from orojar_finetune.config.flags import PythonOnly

MEASURES = ("off-diagonal", "activeness", "path-length", "traversal", "preservation", "fidelity", "ground-truth")
HELD_OUT = 256
"""Held-out latents on which directions are measured."""


def check_measures(measures: tuple[str, ...]) -> None:
    """Raises an error if a name is not that of a measure.

    Raises:
        ValueError: lists the measures.
    """
    if unknown := [name for name in measures if name not in MEASURES]:
        raise ValueError(f"measures must be some of {', '.join(MEASURES)}, got {', '.join(unknown)}")


@checked
class EvaluateConfig:
    """What is measured, and on how many images."""

    measures: tuple[str, ...] = MEASURES
    """off-diagonal: share and cos² of the Jacobian's Gram matrix, effective directions, activity.
    activeness: the paper's score.
    path-length: PPL.
    traversal: PIPL (path length along directions) and traversal length.
    preservation: feature similarity before and after an edit.
    fidelity: Fréchet and kernel distance, precision, recall (needs `--data`).
    ground-truth: DCI and MIG (needs `--data scenes`)."""
    latents: PythonOnly[AtLeastTwo] = HELD_OUT
    """Held-out latents on which directions are measured; confidence intervals are over these."""
    images: Annotated[int, Field(ge=4)] = 2048
    """Number of generated and of real images to compare."""
    pairs: PythonOnly[AtLeastTwo] = 2000
    """Pairs of latents per path length."""
    distance: Literal["pixels", "lpips"] = "pixels"
    """Image distance for path lengths: pixels (mean squared difference) or lpips (as published).
    lpips needs the packages lpips and torchvision, and downloads weights."""
    features: str = "auto"
    """Features for comparing images: scenes (bundled network), random (random weights), inception (torch-fidelity), or
    module:function (your own network).
    auto: scenes for the built-in scenes, inception for other real images if installed, otherwise random."""
    activations: PythonOnly[LayerNumbers | None] = None
    """Layers measured in addition to the image. If not set: the last one of each resolution from 8 x 8 pixels up."""
    identity: PythonOnly[str | None] = None
    """Features of a face recognition network (as for `features`), to also measure whether edits preserve identity.
    If not set: not measured."""
    predictability: Literal["none", "quick", "paper"] = "none"
    """Variation predictability (VP): none (not measured), quick (trains its networks for 30 epochs), or paper (300 epochs)."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
        check_measures(self.measures)


@checked
class CompareConfig:
    """Which methods are compared, on which latents, by which measures."""

    methods: tuple[str, ...] = tuple(METHOD_OPTIONS)
    """Methods to compare; see `orojar discover --help`."""
    method_options: PythonOnly[dict[str, dict]] = field(default_factory=dict)
    """Options by method, as in {"orojar": {"steps": 1000}}."""
    count: Count = 10
    """Number of directions."""
    space: Space = "auto"
    """Latent space: z, w, w+, or auto (w if the generator has one, otherwise z)."""
    layers: tuple[int, int] | None = None
    """Layers that the directions move, in w or w+: START END, END excluded. If not set: all."""
    batch_size: Count = 64
    """Maximum number of images generated at once; the searches of orojar* and hessian* ignore it."""
    measures: tuple[str, ...] = ("off-diagonal", "ground-truth")
    """Measures to report; see `orojar evaluate --help`. ground-truth needs `--data scenes`."""
    latents: PythonOnly[AtLeastTwo] = HELD_OUT
    """Held-out latents on which directions are measured."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
        check_methods(self.methods)
        check_methods(tuple(self.method_options))
        check_measures(self.measures)
