"""What is measured of a generator and its directions, and on how much."""

from dataclasses import dataclass, field
from typing import Literal

from orojar_finetune.config.checks import at_least
from orojar_finetune.config.discovery import DiscoverConfig

MEASURES = ("independence", "activeness", "path-length", "traversal", "preservation", "fidelity", "ground-truth")
EVERY = (*MEASURES, "predictability")


@dataclass(frozen=True)
class EvaluateConfig:
    """What is measured, on how many latents and images."""

    measures: tuple[str, ...] = MEASURES
    """independence (orthogonality and activity), activeness, path-length (PPL), traversal (PIPL and whole paths),
    preservation, fidelity (Fréchet and kernel distance, precision, recall; needs --data), ground-truth (DCI and MIG; needs
    --data scenes), and, since it trains networks for minutes, only where it is named: predictability (VP)."""
    latents: int = 128
    """Latents at which directions are looked at; intervals are over them."""
    images: int = 2048
    """Images on each side of a comparison with real ones, at least 4."""
    pairs: int = 2000
    """Pairs of latents behind a path length."""
    distance: Literal["pixels", "lpips"] = "pixels"
    """In which path lengths are measured: pixels (mean squared difference), or lpips as published (needs the lpips package, a
    torchvision and the network's weights)."""
    features: str = "auto"
    """What images are compared by: scenes, random, inception, or module:function for a network of your own; auto takes scenes
    for the built-in scenes, inception for other real images if it can be had, and random otherwise. The results say which."""
    activations: tuple[int, ...] | None = None
    """Layers whose activations the independence is measured of, beside the image; None takes the last of each resolution from
    8 x 8 pixels on. `orojar inspect` lists them."""
    identity: str | None = None
    """Features of a recogniser, mostly module:function for your own, by which preservation says beside the look also whether an
    edit keeps who or what is in the picture."""
    predictability_pairs: int = 10_000
    """Pairs of images for the predictability, a tenth of which are trained on; at least 20."""
    predictability_epochs: int = 30
    """Epochs of its network; published figures are of 300."""
    predictability_seeds: int = 3
    """Networks that are trained; the interval is over them."""
    seed: int = 0
    """Seed of everything that is drawn."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.measures if name not in EVERY]
        if unknown:
            raise ValueError(f"measures must be some of {', '.join(EVERY)}, got {', '.join(unknown)}")
        for name, least in {"latents": 2, "pairs": 2, "images": 4, "predictability_pairs": 20}.items():
            at_least(name, getattr(self, name), least)
        for name in ("predictability_epochs", "predictability_seeds"):
            at_least(name, getattr(self, name), 1)


@dataclass(frozen=True)
class CompareConfig:
    """Which methods meet, and what is measured of each."""

    methods: tuple[str, ...] = (
        "random",
        "axes",
        "sefa",
        "ganspace",
        "jacobian",
        "hessian",
        "latentclr",
        "orojar-paper",
        "orojar",
        "orojar-jd",
    )
    """Methods of `discover`; orojar-paper is `orojar` with the paper's own loss, which is not scale-free."""
    discover: DiscoverConfig = field(default_factory=DiscoverConfig)
    """What all of them share: space, layers, number of directions, latents, seed."""
    evaluate: EvaluateConfig = field(default_factory=lambda: EvaluateConfig(measures=("independence", "ground-truth")))
    """What is measured of each."""

    def __post_init__(self) -> None:
        if self.discover.method != DiscoverConfig.method:
            raise ValueError(f"discover.method: the methods that meet are named by methods, got {self.discover.method!r}")
