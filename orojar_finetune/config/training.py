"""How a generator is trained from scratch."""

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
"""Feature maps by default at 4 x 4, 8 x 8, ... 256 x 256."""
Channels = tuple[Count, ...]


@checked
class NetworkConfig:
    """The networks that `train` starts with."""

    family: str = "stylegan2"
    """Family of the generator: stylegan2, stylegan, or pggan (ProGAN without its progressive growing: z alone, no w)."""
    resolution: Count = 64
    """Height and width of the images in pixels."""
    channels: Channels | None = None
    """Feature maps of the generator at 4 x 4, 8 x 8 and so on. If not set: the first of 96 96 64 48 32 24 16."""
    discriminator_channels: PythonOnly[Channels | None] = None
    """The same for the discriminator. If not set: as the generator, or the first of 96 96 64 32 16 16 16."""
    latent_size: Count = 32
    """Size of z."""
    w_size: PythonOnly[Count] = 32
    """Size of w, in families that have one."""
    mapping_depth: PythonOnly[Count] = 4
    """Layers from z to w, in families that have one."""
    normalize_latents: PythonOnly[bool] = True
    """pggan: normalize z to a fixed length, as ProGAN does. False where its coordinates are to become independent, as in the
    paper: normalization makes every coordinate scale all others."""

    def with_channels(self) -> "NetworkConfig":
        """The same config with the feature maps of both networks filled in.

        Raises:
            ValueError: a resolution that has no default.
        """
        stages = self.resolution.bit_length() - 2
        if self.channels is None and stages > len(CHANNELS):
            raise ValueError(f"--channels has no default for {self.resolution} pixels: give the feature maps from 4 x 4 on")
        discriminator = self.discriminator_channels or self.channels or DISCRIMINATOR_CHANNELS[:stages]
        return replace(self, channels=self.channels or CHANNELS[:stages], discriminator_channels=discriminator)


@checked
class TrainRunConfig(RunConfig):
    """How long a training from scratch runs, in which batches, and what it writes."""

    checkpoints_total_limit: PythonOnly[Count | None] = 3
    """Maximum number of checkpoints to keep; the oldest are deleted first. None keeps all."""
    validation_steps: PythonOnly[Count] = 250
    """Run a validation every N steps."""


@checked
class TrainConfig:
    """How a generator is trained from scratch."""

    images: Annotated[DataConfig, FLAT] = field(default_factory=DataConfig)
    network: Annotated[NetworkConfig, FLAT] = field(default_factory=NetworkConfig)
    gan: Annotated[GanConfig, FLAT] = field(default_factory=GanConfig)
    run: Annotated[RunConfig, FLAT] = field(default_factory=TrainRunConfig)
    penalty: JacobianPenaltyConfig = field(default_factory=JacobianPenaltyConfig)
    fidelity: ComparisonConfig = field(default_factory=ComparisonConfig)
