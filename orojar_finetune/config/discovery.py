"""How directions are found."""

from dataclasses import dataclass, field
from typing import Literal

from orojar_finetune.config.checks import above_zero, at_least

Space = Literal["auto", "z", "w", "w+"]


@dataclass(frozen=True)
class DescentConfig:
    """Gradient descent on an orthonormal basis, for the methods `orojar`, `hessian` and `latentclr`."""

    steps: int = 400
    """The most steps of Adam."""
    learning_rate: float = 0.01
    """Learning rate of Adam."""
    batch_size: int = 16
    """Latents per step, over all processes together."""
    probes: int = 2
    """Sign vectors per latent (the paper's K), at least 2; not for latentclr."""
    epsilon: float = 0.1
    """Step of the finite difference, in standard deviations of the latent; not for latentclr."""
    scale_free: bool = True
    """Divide the penalty by the squared trace (hessian: by the squared slope). Without it (the papers' form) descent drifts to
    directions that do nothing. Not for latentclr."""
    shift: float = 1.0
    """Step along a direction whose effects latentclr compares, in standard deviations of the latent."""
    temperature: float = 0.5
    """Temperature of latentclr's contrastive loss: the smaller, the more the closest pairs count."""
    patience: int = 100
    """Steps without an improvement of 1 % after which descent stops early; 0 never stops."""

    def __post_init__(self) -> None:
        at_least("steps", self.steps, 1)
        at_least("batch_size", self.batch_size, 1)
        at_least("probes", self.probes, 2)
        at_least("patience", self.patience, 0)
        above_zero("learning_rate", self.learning_rate)
        for name in ("epsilon", "shift", "temperature"):
            above_zero(name, getattr(self, name))


@dataclass(frozen=True)
class DiscoverConfig:
    """How directions are found on a frozen generator."""

    method: str = "orojar-jd"
    """orojar-jd (joint diagonalization of sampled Jacobian Gram matrices), orojar (the paper: descent), hessian (the Hessian
    Penalty: descent), jacobian (eigenvectors of the mean Gram matrix), ganspace (principal components), sefa,
    latentclr (contrastive: descent), axes (the most active coordinates) or random."""
    space: Space = "auto"
    """The latent space: z (the input), w (the intermediate latent), or w+ (one w for each layer: a direction then moves every
    layer its own way); auto takes w where the generator has one."""
    part: str | None = None
    """Part of z that the directions stay in, for generators that divide theirs (BigGAN: coarse, mid, fine); None takes all."""
    layers: tuple[int, int] | None = None
    """First layer and one past the last that the directions move, in w or w+; None moves all. `orojar inspect` lists them."""
    layer_groups: tuple[int, ...] | None = None
    """In w+: the layers at which a new group begins, after the first. The layers of a group are moved alike, each group its own
    way (4 of 10 layers: 0 to 3, 4 to 9); None moves every layer its own way."""
    count: int = 10
    """How many directions."""
    seed: int = 0
    """Seed of everything that is drawn."""
    latents: int = 64
    """Latents at which the Jacobian is sampled (orojar-jd, jacobian), or coordinates are tried (axes)."""
    samples: int = 10_000
    """Latents whose principal components ganspace takes; in z each is one image, two where there are classes or a part."""
    held_out: int = 64
    """Other latents, on which orthogonality and activity are measured."""
    epsilon: float = 0.05
    """Step of the central difference behind Jacobians, in standard deviations of the latent."""
    whiten: bool = False
    """orojar-jd, jacobian: look for directions that are uncorrelated over latents, in steps of one sigma each, instead of ones
    at right angles."""
    activations: tuple[int, ...] = ()
    """Layers whose activations count beside the image; ganspace in z and latentclr look at these instead of the image, and
    choose one themselves where none is named."""
    batch_size: int = 64
    """The most images generated at once; the descents of orojar and hessian generate a whole step's, `descent.batch_size` times
    `probes` + 1 (orojar) or 2 * `probes` + 1 (hessian)."""
    descent: DescentConfig = field(default_factory=DescentConfig)

    def __post_init__(self) -> None:
        for name in ("count", "latents", "batch_size"):
            at_least(name, getattr(self, name), 1)
        for name in ("held_out", "samples"):
            at_least(name, getattr(self, name), 2)
        above_zero("epsilon", self.epsilon)
        if self.space not in ("auto", "z", "w", "w+"):
            raise ValueError(f"space must be auto, z, w or w+, got {self.space!r}")
        if self.part is not None and self.space in ("w", "w+"):
            raise ValueError(f"part {self.part!r} is one of z: choose the space z")
        if self.layers is not None:
            if self.space == "z":
                raise ValueError("layers needs the space w or w+: a step in z always moves every layer")
            if not 0 <= self.layers[0] < self.layers[1]:
                raise ValueError(f"layers must be a first layer and one past the last, got {self.layers}")
