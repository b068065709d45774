"""The GAN loss of generator and discriminator, and their optimizers."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Fraction, NotNegative, Positive, checked
from orojar_finetune.config.flags import PythonOnly

RATE = 1e-3
"""Learning rate of either network by default."""


@checked
class GanConfig:
    """The GAN loss, which keeps the images as good as the real ones, and the optimizers."""

    learning_rate: Positive | None = None
    """Learning rate of the generator. If not set: 0.001, or 0.003 where only modulation layers train."""
    discriminator_learning_rate: PythonOnly[Positive | None] = None
    """Learning rate of the discriminator. If not set: the generator's, and 0.001 if that is not set either."""
    r1_gamma: NotNegative | None = None
    """Weight of R1, the squared gradient of D at real images. If not set: 0.0002 * resolution^2 / effective batch."""
    style_mixing: PythonOnly[Fraction] = 0.5
    """Probability of style mixing."""
    noise: PythonOnly[Literal["random", "const", "none"]] = "random"
    """Noise maps during training: new ones for every image, those of the checkpoint, or none."""
    augment: bool = False
    """Apply DiffAugment (color, translation, cutout) to all discriminator inputs; recommended below about 10,000 images."""
    instance_noise: PythonOnly[NotNegative] = 0.0
    """Standard deviation of Gaussian noise on all discriminator inputs, which lie in [-1, 1]. For flat-colored images, where
    the discriminator can win on tiny differences between pixels (Sonderby et al., ICLR 2017)."""
    ema_images: PythonOnly[Annotated[int, Field(ge=0)]] = 10_000
    """Half-life of the weight EMA, in images."""
    ema_rampup: PythonOnly[Positive] = 0.05
    """Cap on the EMA half-life, as a fraction of the images seen so far (StyleGAN2's ema_rampup)."""

    def rates(self, default: float = RATE) -> tuple[float, float]:
        """Learning rates of the generator and of the discriminator.

        Args:
            default: the generator's where none is set.
        """
        return self.learning_rate or default, self.discriminator_learning_rate or self.learning_rate or RATE

    def with_rates(self, default: float = RATE) -> "GanConfig":
        """The same config with both learning rates filled in."""
        generator, discriminator = self.rates(default)
        return replace(self, learning_rate=generator, discriminator_learning_rate=discriminator)
