"""Every option, its default and its sentence of help. Nothing heavy is imported here: `--help` reads this file."""

from dataclasses import dataclass, field
from typing import Literal

Space = Literal["z", "w"]


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
        _at_least("steps", self.steps, 1)
        _at_least("batch_size", self.batch_size, 1)
        _at_least("probes", self.probes, 2)
        _at_least("patience", self.patience, 0)
        _above_zero("learning_rate", self.learning_rate)
        _above_zero("epsilon", self.epsilon)


@dataclass(frozen=True)
class DiscoverConfig:
    """How directions are found on a frozen generator."""

    method: str = "orojar-jd"
    """orojar-jd (closed form: joint diagonalization of sampled Jacobian Gram matrices), orojar (the paper: descent), sefa or
    random."""
    space: Space = "w"
    """The latent space: z (the input) or w (the intermediate latent)."""
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
            _at_least(name, getattr(self, name), 1)
        _at_least("held_out", self.held_out, 2)
        _above_zero("epsilon", self.epsilon)
        if self.space not in ("z", "w"):
            raise ValueError(f"space must be z or w, got {self.space!r}")
        if self.layers is not None:
            if self.space == "z":
                raise ValueError("layers needs the space w: a step in z always moves every layer")
            if not 0 <= self.layers[0] < self.layers[1]:
                raise ValueError(f"layers must be a first layer and one past the last, got {self.layers}")


@dataclass(frozen=True)
class GanConfig:
    """The game between generator and discriminator that keeps the images what they are."""

    learning_rate: float = 1e-3
    """Learning rate of Adam, of the generator."""
    discriminator_learning_rate: float | None = None
    """That of the discriminator; None means the generator's."""
    adam_beta1: float = 0.0
    """Adam's decay of the mean gradient."""
    adam_beta2: float = 0.99
    """Adam's decay of the mean squared gradient."""
    r1_gamma: float | None = None
    """Weight of R1, the squared gradient of the discriminator at real images; None means 0.0002 * resolution^2 / batch."""
    r1_every: int = 16
    """Steps from one evaluation of R1 to the next."""
    path_length: float = 0.0
    """Weight of StyleGAN2's path length regularization (theirs is 2); 0 leaves it out."""
    path_length_every: int = 4
    """Steps from one evaluation of the path length to the next."""
    style_mixing: float = 0.5
    """Chance that an image's layers from a random one on follow a second latent."""
    noise: Literal["random", "const", "none"] = "random"
    """The noise maps while training: new for every image, the checkpoint's own, or none."""
    augment: bool = False
    """DiffAugment: colours, place and a hole change in all that the discriminator sees. For less than some 10,000 images."""
    ema_images: int = 10_000
    """Images after which the moving average of the weights has forgotten half."""

    def __post_init__(self) -> None:
        _above_zero("learning_rate", self.learning_rate)
        for name in ("discriminator_learning_rate",):
            if (value := getattr(self, name)) is not None:
                _above_zero(name, value)
        for name in ("adam_beta1", "adam_beta2", "style_mixing"):
            _between(name, getattr(self, name), 0, 1)
        for name in ("r1_every", "path_length_every"):
            _at_least(name, getattr(self, name), 1)
        for name in ("path_length", "ema_images"):
            _at_least(name, getattr(self, name), 0)
        if self.r1_gamma is not None:
            _at_least("r1_gamma", self.r1_gamma, 0)


@dataclass(frozen=True)
class NetworkConfig:
    """The networks that `train` starts from nothing."""

    family: str = "stylegan2"
    """The family of the generator."""
    resolution: int = 64
    """Height and width of the images in pixels."""
    channels: tuple[int, ...] = (96, 96, 64, 48, 32)
    """Feature maps of the generator at 4 x 4, 8 x 8, ... up to the resolution."""
    discriminator_channels: tuple[int, ...] = (96, 96, 64, 32, 16)
    """Those of the discriminator."""
    latent_size: int = 32
    """Width of z."""
    w_size: int = 32
    """Width of w."""
    mapping_depth: int = 4
    """Layers from z to w."""


@dataclass(frozen=True)
class DataConfig:
    """How real images are read from a folder, a zip file or a data set of the Hub."""

    image_column: str | None = None
    """Column of a Hub data set that holds the images; None means the first that does."""
    split: str = "train"
    """Split of a Hub data set."""
    mirror: bool = False
    """Exchange left and right of half of the images, at random. Not for what looks wrong in a mirror, such as writing."""
    workers: int = 4
    """Threads that decode images while the networks train, in every process; 0 decodes when images are asked for."""

    def __post_init__(self) -> None:
        _at_least("workers", self.workers, 0)


@dataclass(frozen=True)
class RunConfig:
    """How long a training runs, in which portions, and what it leaves behind."""

    max_train_steps: int = 1000
    """Steps of both networks."""
    train_batch_size: int = 16
    """Images per step, over all processes and micro-batches together."""
    gradient_accumulation_steps: int = 1
    """Micro-batches that a process's part of the batch is divided into: less memory, the same step."""
    seed: int = 0
    """Seed of everything that is drawn."""
    mixed_precision: Literal["no", "fp16", "bf16"] | None = None
    """Of the networks; penalties stay in float32. None takes what `accelerate launch` says."""
    checkpointing_steps: int = 500
    """Steps from one checkpoint-N to the next."""
    checkpoints_total_limit: int | None = 3
    """Checkpoints that are kept, the oldest go first; None keeps all."""
    resume_from_checkpoint: str | None = None
    """`latest`, or the name of a checkpoint-N in the output folder, to go on exactly from there."""
    validation_steps: int = 250
    """Steps from one validation to the next."""
    logging_steps: int = 10
    """Steps from one line in history.jsonl, and in the trackers, to the next."""
    report_to: tuple[str, ...] = ()
    """Trackers: tensorboard, wandb, trackio; each needs its own package."""

    def __post_init__(self) -> None:
        for name in (
            "max_train_steps",
            "train_batch_size",
            "gradient_accumulation_steps",
            "checkpointing_steps",
            "validation_steps",
            "logging_steps",
        ):
            _at_least(name, getattr(self, name), 1)
        if self.checkpoints_total_limit is not None:
            _at_least("checkpoints_total_limit", self.checkpoints_total_limit, 1)


def _between(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} must lie in {least}..{most}, got {value}")


def _at_least(name: str, value: float, least: float) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def _above_zero(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")
