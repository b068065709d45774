"""How far images travel when latents do: perceptual path lengths between latents and along directions.

They fall when a generator or a direction does less: read them beside the activity.
"""

import dataclasses
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

import orojar_adapters as adapters
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Anchors, LatentSpace
from orojar_finetune.measures.anchor_images import by_latent, image, in_space
from orojar_finetune.runtime.reproducible import full_precision

Distance = Callable[[Tensor, Tensor], Tensor]
"""Of two batches of images, pair by pair; for small changes it grows with their square, as those of `DISTANCES` do."""
EPSILON = 1e-4
"""Step of a path between two latents, as a part of it."""
STEP = 1e-2
"""Step along a direction, in sigmas: of directions that hardly do anything 1e-4 measures the rounding."""


@torch.no_grad()
def path_length(
    generator: adapters.Generator,
    space: str,
    distance: Distance,
    rng: torch.Generator,
    pairs: int = 10_000,
    epsilon: float = EPSILON,
    batch_size: int = 64,
) -> Float[Tensor, " pairs"]:
    """The squared speed of the image, d(G(t), G(t + epsilon)) / epsilon², at one place of the path between each two latents.

    Their trimmed mean is PPL (Karras et al., CVPR 2019, section 4.1) over the full path, on uncropped images. In w the path is
    the straight line of its eq. 3. In z it is the arc of eq. 2 at the radius of the latents themselves, from one's to the
    other's: networks that normalise z see no difference, others stay on the latents that they were trained on, where arcs of
    radius 1 would give them nearly the same image throughout.

    Args:
        space: `z` or `w`.
        rng: on the CPU. Both latents of a pair are of one class.
        epsilon: the step, as a part of the path. Rounding of the images adds about its square over epsilon²: 1e-4 wants
            images in float32 proper.
        batch_size: the most images generated at once.

    Raises:
        ValueError: a space that the generator does not have, no pairs, or a step of no length.
    """
    _check(epsilon, pairs=pairs)
    where = LatentSpace(generator, space)
    ends, labels = generator.sample_latents(2 * pairs, rng), generator.sample_labels(pairs, rng)
    times = torch.rand(pairs, generator=rng).double()
    between = lerp if space == "w" else slerp
    found = []
    for start in range(0, pairs, batch_size):
        rows = slice(start, start + batch_size)
        first, last = (in_space(where, Anchors(z[rows], None if labels is None else labels[rows])) for z in ends.split(pairs))

        def at(moment: Tensor, first: Anchors = first, last: Anchors = last) -> Tensor:
            # in float64: in float32 the step itself would be rounded
            path = between(first.latents.cpu().double(), last.latents.cpu().double(), moment)
            return image(where, dataclasses.replace(first, latents=path.to(first.latents)))

        with full_precision():
            found.append(distance(at(times[rows]), at(times[rows] + epsilon)).cpu() / epsilon**2)
    return torch.cat(found)


def path_length_along(
    generator: adapters.Generator,
    directions: Directions,
    distance: Distance,
    rng: torch.Generator,
    latents: int = 1000,
    epsilon: float = STEP,
    batch_size: int = 64,
) -> Float[Tensor, "latents directions"]:
    """The squared speed of the image along each direction, d(G(w), G(w + epsilon sigma v)) / epsilon², at sampled latents.

    The trimmed mean over latents and directions is PIPL as its authors' code has it (Song et al., ICCV 2023), but for the
    units: sigmas here and unit vectors there, so that theirs is this over sigma², and their step is 1e-4.

    Args:
        epsilon: in sigmas.
        batch_size: the most images generated at once.

    Raises:
        ValueError: no latents, or a step of no length.
    """
    _check(epsilon, latents=latents)
    space = LatentSpace(generator, directions.space)

    def speeds(anchors: Anchors) -> Tensor:
        with full_precision():
            before = image(space, anchors)
            after = (image(space, _moved(anchors, directions, i, epsilon)) for i in range(len(directions)))
            return torch.stack([distance(before, images) for images in after], dim=1) / epsilon**2

    return by_latent(space, latents, rng, batch_size, speeds)


def traversal_length(
    generator: adapters.Generator,
    directions: Directions,
    distance: Distance,
    rng: torch.Generator,
    latents: int = 64,
    reach: float = 2.0,
    steps: int = 24,
    batch_size: int = 64,
) -> Float[Tensor, "latents directions"]:
    """How far the image travels along each whole direction: the sum of the roots of the distances of small steps.

    Distances that grow with the square of a change sum to less the smaller the steps are; their roots sum to a length. With
    pixels it is at least the straight way from end to end, and more the more the image bends on its way.

    Args:
        reach: sigmas from each end to the latent in the middle.
        steps: from end to end; more do not change what is measured, but how well.
        batch_size: the most images generated at once.

    Raises:
        ValueError: no latents, no steps, or no reach.
    """
    _check(reach, latents=latents, steps=steps)
    space = LatentSpace(generator, directions.space)

    def length(anchors: Anchors, direction: int) -> Tensor:
        total, last = torch.zeros(len(anchors)), None
        for strength in torch.linspace(-reach, reach, steps + 1).tolist():
            here = image(space, _moved(anchors, directions, direction, strength))
            if last is not None:
                total += distance(last, here).clamp_min(0).sqrt().cpu()
            last = here
        return total

    def lengths(anchors: Anchors) -> Tensor:
        with full_precision():
            return torch.stack([length(anchors, i) for i in range(len(directions))], dim=1)

    return by_latent(space, latents, rng, batch_size, lengths)


def trimmed_mean(values: Float[Tensor, "..."], part: float = 0.01) -> Float[Tensor, ""]:
    """The mean of all values between two of their quantiles, as path lengths are averaged: a few places jump.

    Args:
        part: left out at each end, at most.
    """
    flat = values.flatten()
    low = flat.quantile(part, interpolation="lower")
    high = flat.quantile(1 - part, interpolation="higher")
    return flat[(low <= flat) & (flat <= high)].mean()


def lerp(
    a: Float[Tensor, "batch *latent"], b: Float[Tensor, "batch *latent"], t: Float[Tensor, " batch"]
) -> Float[Tensor, "batch *latent"]:
    """Points of the straight lines from a to b."""
    return a + t.view(-1, *[1] * (a.ndim - 1)) * (b - a)


def slerp(
    a: Float[Tensor, "batch latent"], b: Float[Tensor, "batch latent"], t: Float[Tensor, " batch"]
) -> Float[Tensor, "batch latent"]:
    """Points of the arcs from a to b (Shoemake 1985): the direction turns evenly, the length goes evenly from a's to b's."""
    lengths = [v.norm(dim=1, keepdim=True) for v in (a, b)]
    tiny = torch.finfo(a.dtype).tiny
    start, end = (v / length.clamp_min(tiny) for v, length in zip((a, b), lengths, strict=True))
    cos = (start * end).sum(dim=1, keepdim=True).clamp(-1, 1)
    aside = end - cos * start
    aside = aside / aside.norm(dim=1, keepdim=True).clamp_min(tiny)
    angle = t[:, None] * cos.acos()
    return lerp(*lengths, t) * (angle.cos() * start + angle.sin() * aside)


def _moved(anchors: Anchors, directions: Directions, direction: int, strength: float) -> Anchors:
    return dataclasses.replace(anchors, latents=directions.apply(anchors.latents, {direction: strength}))


def _check(step: float, **counts: int) -> None:
    if not step > 0:
        raise ValueError(f"steps must have a length above 0, got {step}")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
