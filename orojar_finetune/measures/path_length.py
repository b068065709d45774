"""Path lengths: how far images move between latents (PPL) and along directions (PIPL, whole traversals).

They fall when a generator or a direction does less: read them beside the activity.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

import orojar_adapters as adapters
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Latents, LatentSpace, by_latent
from orojar_finetune.runtime.reproducible import full_precision

Distance = Callable[[Tensor, Tensor], Tensor]
"""Of two batches of images, pair by pair; for small changes it grows with their square, as those of `DISTANCES` do."""
EPSILON = 1e-4
"""Step of a path between two latents, as a fraction of it."""
STEP = 1e-2
"""Step along a direction, in sigmas: 1e-4 would measure rounding for directions that hardly do anything."""


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
    """Returns the squared speed of the image, d(G(t), G(t + epsilon)) / epsilon², at one point between two latents.

    Their trimmed mean is PPL (Karras et al., CVPR 2019, section 4.1) over the full path, on uncropped images. In w the path is
    the straight line of its eq. 3. In z it is the arc of eq. 2, at the radius of the latents themselves: networks that
    normalize z see no difference, and the others get latents as they were trained on, where an arc of radius 1 would give
    nearly the same image throughout.

    Args:
        space: `z` or `w`.
        rng: on the CPU. Both latents of a pair are of one class.
        epsilon: the step, as a fraction of the path. Rounding of the images adds about its square over epsilon²: 1e-4 needs
            full float32 precision.
        batch_size: the most images generated at once.

    Raises:
        ValueError: a space that the generator does not have, no pairs, or a step of no length.
    """
    _check(epsilon, pairs=pairs)
    where = LatentSpace(generator, space)
    ends, labels = generator.sample_latents(2 * pairs, rng), generator.sample_labels(pairs, rng)
    times = torch.rand(pairs, generator=rng).double()
    between = lerp if space == "w" else slerp
    speeds = []
    for start in range(0, pairs, batch_size):
        rows = slice(start, start + batch_size)
        first, last = (where.of_z(Latents(z, labels)[rows]) for z in ends.split(pairs))

        def at(moment: Tensor, first: Latents = first, last: Latents = last) -> Tensor:
            # in float64: in float32 the step itself would be rounded
            path = between(first.values.cpu().double(), last.values.cpu().double(), moment)
            return where.images(Latents(path.to(first.values), first.labels))

        with full_precision():
            speeds.append(distance(at(times[rows]), at(times[rows] + epsilon)).cpu() / epsilon**2)
    return torch.cat(speeds)


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

    def speeds(at: Latents) -> Tensor:
        with full_precision():
            before = space.images(at)
            after = (space.images(at.edited(directions, {i: epsilon})) for i in range(len(directions)))
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
    """Returns how far the image moves from one end of each direction to the other, summed over small steps.

    The distances grow with the square of a change, so their roots add up to a length that does not depend on the number of
    steps. With pixels it is at least the distance between the two ends, and longer the more the path of images bends.

    Args:
        reach: sigmas from the latent to each end.
        steps: from end to end; more steps approximate the same length better.
        batch_size: the most images generated at once.

    Raises:
        ValueError: no latents, no steps, or no reach.
    """
    _check(reach, latents=latents, steps=steps)
    space = LatentSpace(generator, directions.space)

    def length(at: Latents, direction: int) -> Tensor:
        total, last = torch.zeros(len(at)), None
        for strength in torch.linspace(-reach, reach, steps + 1).tolist():
            here = space.images(at.edited(directions, {direction: strength}))
            if last is not None:
                total += distance(last, here).clamp_min(0).sqrt().cpu()
            last = here
        return total

    def lengths(at: Latents) -> Tensor:
        with full_precision():
            return torch.stack([length(at, i) for i in range(len(directions))], dim=1)

    return by_latent(space, latents, rng, batch_size, lengths)


def trimmed_mean(values: Float[Tensor, "..."], part: float = 0.01) -> Float[Tensor, ""]:
    """The mean of all values between two of their quantiles; path lengths have outliers where the image jumps.

    Args:
        part: the fraction left out at each end, at most.
    """
    flat = values.flatten()
    low = flat.quantile(part, interpolation="lower")
    high = flat.quantile(1 - part, interpolation="higher")
    return flat[(low <= flat) & (flat <= high)].mean()


def lerp(
    a: Float[Tensor, "batch *latent"], b: Float[Tensor, "batch *latent"], t: Float[Tensor, " batch"]
) -> Float[Tensor, "batch *latent"]:
    """Points on the straight lines from a to b."""
    return a + t.view(-1, *[1] * (a.ndim - 1)) * (b - a)


def slerp(
    a: Float[Tensor, "batch latent"], b: Float[Tensor, "batch latent"], t: Float[Tensor, " batch"]
) -> Float[Tensor, "batch latent"]:
    """Points on the arcs from a to b (Shoemake 1985): the angle and the length change linearly with t."""
    lengths = [v.norm(dim=1, keepdim=True) for v in (a, b)]
    tiny = torch.finfo(a.dtype).tiny
    start, end = (v / length.clamp_min(tiny) for v, length in zip((a, b), lengths, strict=True))
    cos = (start * end).sum(dim=1, keepdim=True).clamp(-1, 1)
    aside = end - cos * start
    aside = aside / aside.norm(dim=1, keepdim=True).clamp_min(tiny)
    angle = t[:, None] * cos.acos()
    return lerp(*lengths, t) * (angle.cos() * start + angle.sin() * aside)


def _check(step: float, **counts: int) -> None:
    if not step > 0:
        raise ValueError(f"steps must have a length above 0, got {step}")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
