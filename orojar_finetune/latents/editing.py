"""Images of latents, moved along directions."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from orojar_adapters import Generator, Noise
from orojar_finetune.latents.directions import Directions


@torch.no_grad()
def generate_edited(
    generator: Generator,
    z: Float[Tensor, "batch latent"],
    directions: Directions | None = None,
    strengths: Mapping[int | str, float] | None = None,
    labels: Int[Tensor, " batch"] | None = None,
    truncation: float = 1.0,
    noise: Noise = "const",
) -> Float[Tensor, "batch channels height width"]:
    """Images in [-1, 1] of latents after an edit.

    Args:
        directions: in z they move z, in w and w+ what the mapping makes of it, after truncation.
        strengths: sigmas by direction number or name; none means no edit.
        truncation: psi; 1 leaves latents as they are.
        noise: as for `Generator.synthesize`.

    Raises:
        ValueError: strengths without directions, an unknown direction, or directions of another generator's latents.
    """
    if strengths and directions is None:
        raise ValueError(f"strengths {dict(strengths)} need the direction set that they are of")
    moving = directions if strengths else None
    if moving is not None and moving.space not in generator.spaces:
        raise ValueError(f"directions in {moving.space} do not fit {generator.family}, which has {', '.join(generator.spaces)}")
    if moving is not None and moving.space == "z":
        z = moving.apply(z, strengths or {})
    ws = generator.map(z, labels, truncation)
    if moving is not None and moving.space != "z":
        ws = moving.apply(ws, strengths or {})
    return generator.synthesize(ws, noise, labels)


def one_by_one(
    generator: Generator,
    z: Float[Tensor, "batch latent"],
    directions: Directions | None = None,
    strengths: Mapping[int | str, float] | None = None,
    labels: Int[Tensor, " batch"] | None = None,
    truncation: float = 1.0,
    noise: Noise = "const",
) -> Float[Tensor, "batch channels height width"]:
    """The same images, made one at a time: for little memory, and with the bits that each has alone."""
    rows = zip(z.split(1), [None] * len(z) if labels is None else labels.split(1), strict=True)
    return torch.cat([generate_edited(generator, row, directions, strengths, label, truncation, noise) for row, label in rows])


def latents_of_seeds(
    generator: Generator, seeds: list[int], label: int | None = None
) -> tuple[Float[Tensor, "seeds latent"], Int[Tensor, " seeds"] | None]:
    """One latent and one class a seed: the same seed gives the same picture, whatever stands beside it.

    Args:
        label: class index of all; None lets every seed draw its own.

    Raises:
        ValueError: a class that the generator does not have.
    """
    if label is not None and not 0 <= label < generator.num_classes:
        has = f"classes 0 to {generator.num_classes - 1}" if generator.num_classes else "no classes"
        raise ValueError(f"the generator has {has}, got class {label}")
    latents, labels = [], []
    for seed in seeds:
        rng = torch.Generator().manual_seed(seed)
        latents.append(generator.sample_latents(1, rng))
        labels.append(generator.sample_labels(1, rng))
    drawn = [label for label in labels if label is not None]
    classes = torch.cat(drawn) if drawn else None
    if classes is not None and label is not None:
        classes = torch.full_like(classes, label)
    return torch.cat(latents), classes
