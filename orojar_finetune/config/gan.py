"""How the networks play their game, and how large new ones are."""

from dataclasses import dataclass, replace
from typing import Literal

from orojar_finetune.config.checks import above_zero, at_least, between

RATE = 1e-3
"""Learning rate of either network, where nothing else is said."""


@dataclass(frozen=True)
class GanConfig:
    """The game between generator and discriminator that keeps the images what they are."""

    learning_rate: float | None = None
    """Learning rate of Adam, of the generator; None means 0.001, and 0.003 where only modulation layers move."""
    discriminator_learning_rate: float | None = None
    """That of the discriminator; None means the generator's, or 0.001 where that is None too."""
    decay: float = 0.0
    """Part of the run, at its end, over which both learning rates fall to 0. The networks then stop where they are, and their
    moving average with them, which is better amid their circling: 0, a constant rate, gave the better images. A run that is
    later made longer starts to move again."""
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
    instance_noise: float = 0.0
    """Standard deviation of noise on all that the discriminator sees (images lie in [-1, 1]). For images so plain that it would
    tell the real ones by the trembling of flat colours and never look at outlines (Sonderby et al., ICLR 2017)."""
    ema_images: int = 10_000
    """Images after which the moving average of the weights has forgotten half."""
    ema_rampup: float = 0.05
    """Largest part of the images seen so far that ema_images may be, so that short runs average over less."""

    def __post_init__(self) -> None:
        above_zero("ema_rampup", self.ema_rampup)
        for name in ("learning_rate", "discriminator_learning_rate"):
            if getattr(self, name) is not None:
                above_zero(name, getattr(self, name))
        for name in ("decay", "adam_beta1", "adam_beta2", "style_mixing"):
            between(name, getattr(self, name), 0, 1)
        for name in ("r1_every", "path_length_every"):
            at_least(name, getattr(self, name), 1)
        for name in ("path_length", "instance_noise", "ema_images"):
            at_least(name, getattr(self, name), 0)
        if self.r1_gamma is not None:
            at_least("r1_gamma", self.r1_gamma, 0)

    def rates(self, usual: float = RATE) -> tuple[float, float]:
        """Learning rates of the generator and of the discriminator.

        Args:
            usual: the generator's where none is given.
        """
        return self.learning_rate or usual, self.discriminator_learning_rate or self.learning_rate or RATE

    def with_rates(self, usual: float = RATE) -> "GanConfig":
        """The same with both rates said."""
        rate, critic_rate = self.rates(usual)
        return replace(self, learning_rate=rate, discriminator_learning_rate=critic_rate)


@dataclass(frozen=True)
class NetworkConfig:
    """The networks that `train` starts from nothing."""

    family: str = "stylegan2"
    """The family of the generator: stylegan2, stylegan, or pggan (ProGAN, z alone, without its progressive growing)."""
    resolution: int = 64
    """Height and width of the images in pixels."""
    channels: tuple[int, ...] = (96, 96, 64, 48, 32)
    """Feature maps of the generator at 4 x 4, 8 x 8, ... up to the resolution."""
    discriminator_channels: tuple[int, ...] = (96, 96, 64, 32, 16)
    """Those of the discriminator."""
    latent_size: int = 32
    """Width of z."""
    w_size: int = 32
    """Width of w, in families that have one."""
    mapping_depth: int = 4
    """Layers from z to w, in families that have one."""
    normalize_latents: bool = True
    """pggan: bring z to one length first, as ProGAN does. Where the coordinates of z shall become independent, as in the paper,
    False: of one length, each shrinks the others."""
