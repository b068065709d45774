"""Options of training a generator from scratch."""

from dataclasses import field, replace
from typing import Annotated

from orojar_finetune.config.checked import Count, checked
from orojar_finetune.config.fidelity import ComparisonConfig
from orojar_finetune.config.flags import FLAT, PythonOnly
from orojar_finetune.config.gan import GanConfig
from orojar_finetune.config.penalty import JacobianPenaltyConfig
from orojar_finetune.config.running import DataConfig, RunConfig

CHANNELS = (96, 96, 64, 48, 32, 24, 16)
DISCRIMINATOR_CHANNELS = (96, 96, 64, 32, 16, 16, 16)
"""Default feature maps at 4 x 4, 8 x 8, ... 256 x 256."""
Channels = tuple[Count, ...]


@checked
class NetworkConfig:
    """Sizes of the networks that `train` creates."""

    family: str = "stylegan2"
    """Generator architecture: stylegan2, stylegan, or pggan (ProGAN without progressive growing; has z but no w)."""
    resolution: Count = 64
    """Image height and width in pixels."""
    channels: Channels | None = None
    """Generator feature maps at 4 x 4, 8 x 8, and so on. If not set: 96 96 64 48 32 24 16, as many as the resolution needs."""
    discriminator_channels: PythonOnly[Channels | None] = None
    """The same for the discriminator. If not set: `channels`, or 96 96 64 32 16 16 16 if those are not set either."""
    latent_size: Count = 32
    """Dimensions of z."""
    w_size: PythonOnly[Count] = 32
    """Dimensions of w (not pggan)."""
    mapping_depth: PythonOnly[Count] = 4
    """Layers of the mapping network (not pggan)."""
    normalize_latents: PythonOnly[bool] = True
    """Normalize z to a fixed length, as ProGAN does (pggan only). Use False with the penalty, as in the paper: normalization
    lets every coordinate rescale all others."""

    def with_channels(self) -> "NetworkConfig":
        """The same config with the feature maps of both networks filled in.

        Raises:
            ValueError: a resolution that has no default.
        """
        stages = self.resolution.bit_length() - 2
        if self.channels is None and stages > len(CHANNELS):
            raise ValueError(
                f"--channels has no default for {self.resolution} pixels: list the feature maps at 4 x 4, 8 x 8, and so on"
            )
        discriminator = self.discriminator_channels or self.channels or DISCRIMINATOR_CHANNELS[:stages]
        return replace(self, channels=self.channels or CHANNELS[:stages], discriminator_channels=discriminator)


@checked
class TrainRunConfig(RunConfig):
    """Options of a training run from scratch; fewer of them are flags than for a fine-tune."""

    checkpoints_total_limit: PythonOnly[Count | None] = 3
    """Maximum number of checkpoints to keep; the oldest are deleted first. None keeps all."""
    validation_steps: PythonOnly[Count] = 250
    """Measure directions and image quality every N steps."""


@checked
class TrainConfig:
    """Options of training a generator from scratch."""

    images: Annotated[DataConfig, FLAT] = field(default_factory=DataConfig)
    network: Annotated[NetworkConfig, FLAT] = field(default_factory=NetworkConfig)
    gan: Annotated[GanConfig, FLAT] = field(default_factory=GanConfig)
    run: Annotated[RunConfig, FLAT] = field(default_factory=TrainRunConfig)
    penalty: JacobianPenaltyConfig = field(default_factory=JacobianPenaltyConfig)
    fidelity: ComparisonConfig = field(default_factory=ComparisonConfig)
