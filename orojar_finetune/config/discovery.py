"""How directions are found."""

from dataclasses import dataclass, field
from typing import Literal

from orojar_finetune.config.checks import above_zero, at_least

Space = Literal["auto", "z", "w"]


@dataclass(frozen=True)
class DescentConfig:
    """Gradient descent on an orthonormal basis, for the method `orojar`."""

    steps: int = 400
    """The most steps of Adam."""
    learning_rate: float = 0.01
    """Learning rate of Adam."""
    batch_size: int = 16
    """Latents per step, over all processes together."""
    probes: int = 2
    """Sign vectors per latent (the paper's K), at least 2."""
    epsilon: float = 0.1
    """Step of the finite difference, in standard deviations of the latent."""
    scale_free: bool = True
    """Divide the penalty by the squared trace. Without it (the paper's form) descent drifts to directions that do nothing."""
    patience: int = 100
    """Steps without an improvement of 1 % after which descent stops early; 0 never stops."""

    def __post_init__(self) -> None:
        at_least("steps", self.steps, 1)
        at_least("batch_size", self.batch_size, 1)
        at_least("probes", self.probes, 2)
        at_least("patience", self.patience, 0)
        above_zero("learning_rate", self.learning_rate)
        above_zero("epsilon", self.epsilon)


@dataclass(frozen=True)
class DiscoverConfig:
    """How directions are found on a frozen generator."""

    method: str = "orojar-jd"
    """orojar-jd (closed form: joint diagonalization of sampled Jacobian Gram matrices), orojar (the paper: descent), sefa or
    random."""
    space: Space = "auto"
    """The latent space: z (the input) or w (the intermediate latent); auto takes w where the generator has one."""
    part: str | None = None
    """Part of z that the directions stay in, for generators that divide theirs (BigGAN: coarse, mid, fine); None takes all."""
    layers: tuple[int, int] | None = None
    """First layer and one past the last that the directions move, in w; None moves all. `orojar inspect` lists the layers."""
    count: int = 10
    """How many directions."""
    seed: int = 0
    """Seed of everything that is drawn."""
    latents: int = 64
    """Latents at which the Jacobian is sampled."""
    held_out: int = 64
    """Other latents, on which orthogonality and activity are measured."""
    epsilon: float = 0.05
    """Step of the central difference behind Jacobians, in standard deviations of the latent."""
    activations: tuple[int, ...] = ()
    """Layers whose activations count beside the image."""
    batch_size: int = 64
    """The most images generated at once."""
    descent: DescentConfig = field(default_factory=DescentConfig)

    def __post_init__(self) -> None:
        for name in ("count", "latents", "batch_size"):
            at_least(name, getattr(self, name), 1)
        at_least("held_out", self.held_out, 2)
        above_zero("epsilon", self.epsilon)
        if self.space not in ("auto", "z", "w"):
            raise ValueError(f"space must be auto, z or w, got {self.space!r}")
        if self.part is not None and self.space == "w":
            raise ValueError(f"part {self.part!r} is one of z: choose the space z")
        if self.layers is not None:
            if self.space == "z":
                raise ValueError("layers needs the space w: a step in z always moves every layer")
            if not 0 <= self.layers[0] < self.layers[1]:
                raise ValueError(f"layers must be a first layer and one past the last, got {self.layers}")
