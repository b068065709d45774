"""What is measured at the end of each run of the paper's experiment: the coordinates of z against the factors of sprites."""

import statistics
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from active_axes import active_ones
from orojar_adapters import Generator
from orojar_adapters.networks.dcgan import DCGAN
from orojar_finetune import sprites
from orojar_finetune.measures.activeness import activeness
from orojar_finetune.measures.coordinates import latent_axes
from orojar_finetune.measures.effects import disentanglement_completeness, unmoved
from orojar_finetune.measures.frechet import Moments, frechet_distance
from orojar_finetune.measures.held_out import scores_of
from orojar_finetune.measures.orthogonality import orthogonality
from orojar_finetune.measures.variation_predictability import generated_pairs, predictability
from orojar_finetune.runtime.draws import rng
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.sprites import FACTORS
from paper_networks import activations
from paper_presets import PENALTIES, Preset
from paper_reader import Reading, SpriteReader, squared_changes

SEED = 1 << 20
"""Of everything that is measured with, the same for all runs."""
AT_ONCE = 256
ACTIVENESS_LATENTS, ORTHOGONALITY_LATENTS = 300, 64
PENALTY_BATCHES = 16
ROLLS = 8
"""Unrelated pictures that each is compared with."""
VP_NETWORKS = 3
EPSILON = 0.05
"""Step of the difference behind the Jacobian of layers."""
ORIENTATION = FACTORS.index("orientation")


def measured(generator: DCGAN, reader: SpriteReader, preset: Preset) -> dict[str, Any]:
    """All figures of one generator."""
    axes = latent_axes(generator)
    scores = scores_of(generator, axes, ORTHOGONALITY_LATENTS, SEED, Processes(progress=False))
    found = effects(generator, reader, preset.latents)
    disentanglement, completeness = disentanglement_completeness(found)
    active = activeness(generator, axes, rng(SEED, "activeness"), ACTIVENESS_LATENTS, AT_ONCE).mean(dim=0)
    return {
        "orthogonality": scores.orthogonality,
        **active_ones(generator, axes),
        "orthogonality of penalised layers": orthogonality_of_layers(generator),
        "penalties": penalties(generator, preset.penalised),
        "activity": scores.activities.mean().item(),
        "activities": rounded(scores.activities),
        "activeness": rounded(active),
        "disentanglement": disentanglement,
        "completeness": completeness,
        "unmoved": unmoved(found, names=FACTORS),
        "effects": [rounded(row) for row in found],
        "frechet": frechet(generator, reader, preset),
        **({"vp": variation_predictability(generator, preset)} if preset.pairs else {}),
    }


@torch.no_grad()
def orthogonality_of_layers(generator: DCGAN) -> float:
    """The mean squared cosine of what two coordinates of z change in what the penalties look at, before norm and slope.

    What is orthogonal here need not be so behind the norm, nor in the layers behind, which are not penalised.
    """
    size = generator.latent_size
    z = generator.sample_latents(ORTHOGONALITY_LATENTS, rng(SEED, "layers"))
    steps = EPSILON * torch.eye(size, device=z.device)
    moved = (z[:, None] + torch.cat([steps, -steps])).flatten(0, 1)
    found = []
    for layer in activations(generator, moved):
        forth, back = layer.double().flatten(1).unflatten(0, (len(z), 2, size)).unbind(1)
        jacobian = (forth - back) / (2 * EPSILON)
        found.append(orthogonality(jacobian @ jacobian.mT))
    return statistics.fmean(found)


def penalties(generator: DCGAN, batch: int) -> dict[str, float]:
    """The value of every penalty, whichever the generator was trained with, over batches as a training step has them."""
    found: dict[str, list[float]] = {name: [] for name in PENALTIES}
    for i in range(PENALTY_BATCHES):
        z = generator.sample_latents(batch, rng(SEED, "penalised", i))
        for name, penalty in PENALTIES.items():
            with torch.no_grad():
                value = penalty(lambda z: activations(generator, z), z, rng=rng(SEED, "signs", i))
            found[name].append(value.item())
    return {name: statistics.fmean(values) for name, values in found.items()}


def variation_predictability(generator: Generator, preset: Preset) -> dict[str, Any]:
    """Whether networks can name the coordinate in which two pictures differ, from their difference (Zhu et al., ECCV 2020)."""
    pairs = generated_pairs(generator, None, rng(SEED, "pairs"), preset.pairs, batch_size=AT_ONCE)
    found = [
        predictability(pairs, preset.vp_epochs, SEED + i, preset.vp_share, "difference", generator.device)
        for i in range(VP_NETWORKS)
    ]
    return {"best": [one.best for one in found], "last": [one.last for one in found], "chance": found[0].chance}


@torch.no_grad()
def effects(generator: Generator, reader: SpriteReader, latents: int) -> Float[Tensor, "coordinates factors"]:
    """For each coordinate of z and each factor the mean squared change by a step of one sigma, forth and back.

    In variances of the factor over the generator's own pictures, or of the reader's errors where those are larger: two
    unrelated pictures (for the orientation: of one shape) differ by 2.
    """
    z = generator.sample_latents(latents, rng(SEED, "effects"))
    before = read(reader, latents, lambda rows: generator(z[rows]))
    rows = []
    for step in generator.latent_sigma * torch.eye(generator.latent_size, device=z.device):
        both = [read(reader, latents, lambda rows, moved=moved: generator(moved[rows])) for moved in (z + step, z - step)]
        rows.append(torch.stack([squared_changes(before, after)[0].mean(dim=0) for after in both]).mean(dim=0))
    return torch.stack(rows) / units(before).maximum(reader.squared_errors)


def units(read: Reading) -> Float[Tensor, " factors"]:
    """Half the mean squared difference of unrelated pictures, which is the variance of what is read."""
    order = torch.arange(len(read.plain), device=read.plain.device)
    changes, same = zip(*(squared_changes(read, read.rows(order.roll(i))) for i in range(1, ROLLS + 1)), strict=True)
    units = torch.cat(changes).mean(dim=0) / 2
    units[ORIENTATION] /= torch.cat(same).mean()
    return units


def read(reader: SpriteReader, count: int, images: Callable[[slice], Tensor]) -> Reading:
    """What the reader sees in so many pictures, which are made when they are wanted."""
    parts = [reader(images(slice(start, start + AT_ONCE)).float()) for start in range(0, count, AT_ONCE)]
    return Reading(*(torch.cat(part) for part in zip(*parts, strict=True)))


@torch.no_grad()
def frechet(generator: Generator, reader: SpriteReader, preset: Preset) -> float:
    """The Fréchet distance of generated pictures to sprites on the reader's features, over the variance of the sprites'."""

    def reals(start: int, count: int) -> Tensor:
        drawn = sprites.sample(count, rng(SEED, "sprites", start)).to(generator.device)
        return sprites.render(drawn, preset.resolution)

    def fakes(start: int, count: int) -> Tensor:
        return generator(generator.sample_latents(count, rng(SEED, "latents", start))).float()

    moments = []
    for images in (reals, fakes):
        parts = [
            Moments.of(reader.features(images(start, min(AT_ONCE, preset.images - start))))
            for start in range(0, preset.images, AT_ONCE)
        ]
        moments.append(sum(parts[1:], start=parts[0]))
    return frechet_distance(*moments) / moments[0].covariance.trace().item()


def rounded(values: Tensor) -> list[float]:
    """To four digits behind the point, for a file."""
    return [round(value, 4) for value in values.tolist()]
