"""How weights are tuned."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from orojar_finetune.config.checks import above_zero, at_least, between
from orojar_finetune.config.discovery import DiscoverConfig
from orojar_finetune.config.gan import GanConfig
from orojar_finetune.config.running import DataConfig, RunConfig

FLAT = tyro.conf.arg(name="")
"""On the command line these options bear no prefix."""


@dataclass(frozen=True)
class PenaltyConfig:
    """OroJaR in the coefficients of a direction set, while the weights move."""

    weight: float = 15.0
    """Of the penalty in the generator's loss, once the ramp is over; 0 gives the control."""
    on: tuple[str, ...] = ("layers", "image")
    """What must change independently: image, image/4 (reduced 4 times), layers (the last of each resolution from 8 x 8 on), or
    numbers of layers; each counts alike."""
    form: Literal["cosine", "variance"] = "cosine"
    """cosine: squared cosines of every pair of directions, all alike; variance: the paper's, of all directions at once along
    random signs, in which the most active ones count most."""
    every: int = 4
    """Steps from one evaluation to the next; it then counts so many times."""
    batch_size: int = 6
    """Latents per evaluation, over all processes together."""
    probes: int | None = None
    """cosine: directions per latent, drawn anew every time, None means all; variance: sign vectors per latent (the paper's K),
    None means 2."""
    epsilon: float = 0.1
    """Step of the finite difference, in standard deviations of each direction."""
    difference: Literal["forward", "central"] = "forward"
    """Of the finite difference: forward as the paper, or central, more exact and slower."""
    scale_free: bool = True
    """Divide by the squared trace. Without it (the paper's form) directions become orthogonal by doing nothing."""
    through_mapping: bool = False
    """Whether the penalty also moves the latents w at which it is taken, through the mapping; always where the mapping alone is
    tuned."""
    ramp_steps: int = 300
    """Steps over which the weight grows from 0."""
    least_activity: float = 0.01
    """Directions less active than this part of the most active one are left out: where pictures vary in fewer ways than there
    are directions, these cannot all be independent. 0 keeps all."""
    reestimate_every: int = 0
    """Steps after which the directions are found anew on the averaged generator; 0 keeps those of the start."""

    def __post_init__(self) -> None:
        for name in ("weight", "ramp_steps", "reestimate_every"):
            at_least(name, getattr(self, name), 0)
        for name in ("every", "batch_size"):
            at_least(name, getattr(self, name), 1)
        if self.probes is not None:
            at_least("probes", self.probes, 2)
        between("least_activity", self.least_activity, 0, 1)
        above_zero("epsilon", self.epsilon)
        if not self.on:
            raise ValueError("on must name what the penalty looks at: image, image/4, layers, or numbers of layers")


@dataclass(frozen=True)
class FidelityConfig:
    """How it is watched that the images stay what they are."""

    features: str = "auto"
    """What images are compared by: scenes (the bundled network), random (a random network), inception (torch-fidelity); auto
    takes scenes for the built-in scenes and random otherwise."""
    images: int = 2048
    """Images on each side of a Fréchet distance."""
    max_drift: float = 0.1
    """The run stops when the Fréchet distance to the real images exceeds the start's by this part of the distance from the
    real images to their own mean; the best generator before is kept."""
    latents: int = 32
    """Held-out latents on which orthogonality and activity are measured in each validation."""
    keep: Literal["best", "last"] = "best"
    """Which generator of the run is kept: that of the best validation (orthogonality as a part of the start's, plus the used
    part of the allowed drift), or the last."""

    def __post_init__(self) -> None:
        at_least("images", self.images, 2)
        at_least("latents", self.latents, 2)
        above_zero("max_drift", self.max_drift)


@dataclass(frozen=True)
class FinetuneConfig:
    """How a generator is tuned so that directions become independent and the images stay what they are."""

    trainable: Literal["all", "mapping", "synthesis", "affine", "lora"] = "all"
    """The weights that may move: all, the mapping from z to w, the synthesis, its modulation layers, or small low-rank
    adapters on these (needs peft)."""
    lora_rank: int = 8
    """Rank of the adapters."""
    discriminator_steps: int = 500
    """Where the checkpoint has no discriminator: steps in which a new one learns before the generator moves."""
    discriminator_width: int = 32
    """Feature maps of a new discriminator at full resolution; with every halving they double, to 8 times as many (16 times from
    128 pixels on)."""
    discover: DiscoverConfig = field(default_factory=DiscoverConfig)
    """How directions are found where none are given."""
    penalty: PenaltyConfig = field(default_factory=PenaltyConfig)
    fidelity: FidelityConfig = field(default_factory=FidelityConfig)
    gan: Annotated[GanConfig, FLAT] = field(default_factory=GanConfig)
    run: Annotated[RunConfig, FLAT] = field(default_factory=RunConfig)
    images: Annotated[DataConfig, FLAT] = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        at_least("lora_rank", self.lora_rank, 1)
        at_least("discriminator_steps", self.discriminator_steps, 0)
        at_least("discriminator_width", self.discriminator_width, 1)
