"""Options of the GAN loss and the optimizers."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from orojar_finetune.config.checked import Fraction, NotNegative, Positive, checked
from orojar_finetune.config.flags import PythonOnly

RATE = 1e-3
"""Default learning rate of both networks."""


@checked
class GanConfig:
    """The GAN loss, which preserves image quality, and the optimizers."""

    learning_rate: Positive | None = None
    """Learning rate of the generator. If not set: 0.001, or 0.003 if only modulation layers train."""
    discriminator_learning_rate: PythonOnly[Positive | None] = None
    """Learning rate of the discriminator. If not set: `learning_rate`, or 0.001 if that is not set either."""
    r1_gamma: NotNegative | None = None
    """Weight of the R1 gradient penalty. If not set: 0.0002 * resolution^2 / effective batch (StyleGAN2-ADA's heuristic)."""
    style_mixing: PythonOnly[Fraction] = 0.5
    """Probability of style mixing."""
    noise: PythonOnly[Literal["random", "const", "none"]] = "random"
    """Noise inputs during training: random (new for every image), const (stored in the checkpoint), or none."""
    augment: bool = False
    """Apply DiffAugment (color, translation, cutout) to discriminator inputs; recommended below about 10,000 images."""
    instance_noise: PythonOnly[NotNegative] = 0.0
    """Standard deviation of Gaussian noise added to discriminator inputs, which lie in [-1, 1]. For flat-colored images, where
    tiny pixel differences would give generated images away (Sonderby et al., ICLR 2017)."""
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
