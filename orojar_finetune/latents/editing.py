"""Generates images from seeds and edits."""

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
    """Generates images, nominally in [-1, 1], of latents moved along directions.

    Args:
        directions: those in z move z; those in w and w+ move the output of the mapping, after truncation.
        strengths: sigmas by direction number or name; without any nothing is moved.
        truncation: psi; 1 is none.
        noise: as in `Generator.synthesize`.

    Raises:
        ValueError: strengths without directions, an unknown direction, or directions in a space the generator does not have.
    """
    if strengths and directions is None:
        raise ValueError(f"the strengths {dict(strengths)} need a direction set, got none")
    edit = directions if strengths else None
    if edit is not None and edit.space not in generator.spaces:
        raise ValueError(f"directions in {edit.space} do not fit {generator.family}, which has {', '.join(generator.spaces)}")
    if edit is not None and edit.space == "z":
        z = edit.apply(z, strengths or {})
    ws = generator.map(z, labels, truncation)
    if edit is not None and edit.space != "z":
        ws = edit.apply(ws, strengths or {})
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
    """Generates the same images one at a time: in little memory, and each bit for bit as it is alone."""
    rows = zip(z.split(1), [None] * len(z) if labels is None else labels.split(1), strict=True)
    return torch.cat([generate_edited(generator, row, directions, strengths, label, truncation, noise) for row, label in rows])


def latents_of_seeds(
    generator: Generator, seeds: list[int], label: int | None = None
) -> tuple[Float[Tensor, "seeds latent"], Int[Tensor, " seeds"] | None]:
    """Draws one latent and one class per seed: a seed gives the same image whatever other seeds there are.

    Args:
        label: class index of all images; None lets each seed draw its own.

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
