"""The paper's experiment at two sizes, and the penalties that it compares."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from orojar_finetune.penalty import hessian_penalty, orojar

LATENT_SIZE = 6
GRADIENT_PENALTY = 10.0
BETAS = (0.5, 0.999)


@dataclass(frozen=True)
class Preset:
    """One size of the experiment.

    Attributes:
        resolution: of the sprites, in pixels.
        generator: its widths from 4 x 4 pixels on.
        discriminator: its widths down to 4 x 4 pixels.
        embedding: width between the discriminator's linear layers.
        batch: pictures of each kind in a step.
        rate: learning rate of both sides in the first half of the steps; it then falls to zero, as the authors' does.
        steps: of each side; they take turns.
        penalised: latents of a step that the penalties look at, the first of the batch.
        weights: of the penalties.
        images: on each side of the Fréchet distance.
        latents: behind the effect matrix.
        pairs: that variation predictability is measured on.
        vp_share: part of the pairs that its network is trained on.
        vp_epochs: that it is trained for.
        reader_steps: that the reader of sprites is trained for.
    """

    resolution: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    embedding: int
    batch: int
    rate: float
    steps: int
    penalised: int
    weights: dict[str, float]
    images: int
    latents: int
    pairs: int
    vp_share: float
    vp_epochs: int
    reader_steps: int


PENALTIES: dict[str, Callable[..., Tensor]] = {
    "hessian": partial(hessian_penalty, reduction="max"),
    "orojar": partial(orojar, scale_free=False, reduction="max"),
    "orojar scale-free": partial(orojar, scale_free=True, reduction="mean"),
}
"""The first two in the authors' form, with its maximum over the batch, the third in the form that is the default here."""
DESIGNS = (*PENALTIES, "none")
PRESETS = {
    "full": Preset(
        resolution=64,
        generator=(512, 256, 128, 64, 64),
        discriminator=(64, 128, 256, 512),
        embedding=512,
        batch=128,
        rate=2e-4,
        steps=200_000,
        penalised=128,
        weights={"hessian": 1e-3, "orojar": 1e-11, "orojar scale-free": 1.0, "none": 0.0},
        images=50_000,
        latents=4096,
        pairs=10_000,
        vp_share=0.01,
        vp_epochs=300,
        reader_steps=10_000,
    ),
    "reduced": Preset(
        resolution=32,
        generator=(128, 64, 32, 16),
        discriminator=(16, 32, 64),
        embedding=128,
        batch=64,
        rate=1e-3,
        steps=3600,
        penalised=32,
        weights={"hessian": 3e-4, "orojar": 3e-9, "orojar scale-free": 5.0, "none": 0.0},
        images=8192,
        latents=512,
        pairs=1500,
        vp_share=0.2,
        vp_epochs=30,
        reader_steps=3000,
    ),
}
TRIAL_STEPS = 400
TRIAL_WEIGHTS: dict[str, tuple[float, ...]] = {
    "hessian": (3e-6, 3e-5, 3e-4),
    "orojar": (3e-11, 3e-10, 3e-9),
    "orojar scale-free": (0.5, 5.0, 50.0),
    "none": (0.0,),
}
"""What `paper.py weights` tries. The reduced preset has of each penalty the weight that lowers it about ten times."""
