"""Variation predictability (VP): whether a network recognizes the direction in which two images differ."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters import Generator
from orojar_finetune.images.render import to_bytes
from orojar_finetune.latents.coordinates import Coordinates, latent_axes
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.runtime import reproducible

EXTENT = 2.0
"""Strengths are drawn uniformly from -EXTENT to EXTENT, in sigmas."""
LEARNING_RATE = 5e-4
BATCH_SIZE = 32
"""Pairs per training step."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of images that differ in one direction each, uncompressed.

    Attributes:
        images: both images of each pair.
        changed: the direction in which they differ.
        directions: how many there are.
    """

    images: UInt8[Tensor, "pairs 2 channels height width"]
    changed: Int[Tensor, " pairs"]
    directions: int

    def __len__(self) -> int:
        return len(self.images)


class Predictability(NamedTuple):
    """How often a network recognized the direction, as a fraction of the test pairs.

    Attributes:
        best: in the best of all epochs, which is what papers print; optimistic, since it is chosen on the test pairs.
        last: after the last epoch.
        chance: what guessing gives.
        accuracies: after each epoch.
    """

    best: float
    last: float
    chance: float
    accuracies: tuple[float, ...]


@torch.no_grad()
def generated_pairs(
    generator: Generator,
    directions: Directions | None,
    rng: torch.Generator,
    count: int = 10_000,
    resolution: int | None = None,
    batch_size: int = 64,
) -> Pairs:
    """Pairs of images, each with one coordinate set to two strengths that are uniform in [-2, 2] sigmas.

    Args:
        directions: to choose from; both images share everything else of a sampled latent. None means the coordinates of z as
            in the paper, where all of them are uniform in [-2, 2] sigmas, including those that do not change.
        rng: on the CPU. Both images of a pair are of one class.
        resolution: larger images are averaged down to this many pixels; None keeps their size. All pairs stay in memory.
        batch_size: the most images generated at once.

    Raises:
        ValueError: no pairs.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1 pair, got {count}")
    chosen = latent_axes(generator) if directions is None else directions
    space, coordinates = LatentSpace(generator, chosen.space), Coordinates.of(generator, chosen, rng)
    changed = torch.randint(len(chosen), (count,), generator=rng)
    strengths = _uniform((count, 2), rng)
    base = _uniform((count, generator.latent_size), rng) * generator.latent_sigma if directions is None else None
    images = []
    for i, batch in enumerate(space.batches(count, rng, batch_size)):
        rows = slice(i * batch_size, i * batch_size + len(batch))
        values = batch.values if base is None else base[rows].to(batch.values)
        settings = [coordinates.set(values, changed[rows], strength) for strength in strengths[rows].unbind(dim=1)]
        both = [_shrunk(space.images(Latents(moved, batch.labels)), resolution) for moved in settings]
        images.append(torch.stack([to_bytes(one) for one in both], dim=1))
    return Pairs(torch.cat(images), changed, len(chosen))


@torch.enable_grad()
def predictability(
    pairs: Pairs,
    epochs: int = 300,
    seed: int = 0,
    train_share: float = 0.1,
    sees: Literal["both", "difference"] = "both",
    device: torch.device | str = "cpu",
) -> Predictability:
    """Trains a small network to recognize the direction of some of the pairs, and tests it on the others.

    Variation predictability (VP; Zhu et al., ECCV 2020), with the settings of Wei et al. (ICCV 2021): Adam at
    5e-4, batches of 32, 10 % of the pairs to train on, 300 epochs. It rewards directions that look different from each other
    and the same everywhere; directions that move the same factor can be distinguished too. Repeat it with three seeds or more.

    The label is the direction. The code released with both papers takes for it the largest entry of the signed difference of
    the two latents, at least in its early versions; where the difference is negative, in half of the pairs, that is the first
    entry that is 0. Guessing is right half of the time there, so figures are not comparable.

    Args:
        epochs: 300 take a GPU.
        seed: of the weights, of the training pairs, and of their order.
        train_share: 0.01 is usual for dSprites.
        sees: both images, concatenated, or only their difference.

    Raises:
        ValueError: fewer than 2 pairs to train on, none to test on, or no epochs.
    """
    trained = round(len(pairs) * train_share)
    if not 2 <= trained < len(pairs):
        raise ValueError(
            f"train_share of {len(pairs)} pairs must leave at least 2 to train on and 1 to test, got {train_share}"
        )
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    rng = reproducible.rng(seed, "variation predictability")
    train, test = torch.randperm(len(pairs), generator=rng).tensor_split([trained])
    channels = pairs.images.shape[2] * (2 if sees == "both" else 1)
    network = pair_network(channels, pairs.directions, seed).to(device)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)

    def answers(rows: Tensor) -> tuple[Tensor, Tensor]:
        images = pairs.images[rows].to(device).float() / 127.5 - 1
        seen = rearrange(images, "b two c h w -> b (two c) h w") if sees == "both" else images[:, 0] - images[:, 1]
        seen = seen.contiguous(memory_format=torch.channels_last)  # faster on CPUs
        return network(seen), pairs.changed[rows].to(device)

    accuracies = []
    for _ in range(epochs):
        network.train()
        for rows in train[torch.randperm(trained, generator=rng)].split(BATCH_SIZE):
            if len(rows) > 1:  # batch norm knows no statistics of one
                optimizer.zero_grad()
                F.cross_entropy(*answers(rows)).backward()
                optimizer.step()
        network.eval()
        with torch.no_grad():
            right = sum((logits.argmax(dim=1) == true).sum().item() for logits, true in map(answers, test.split(256)))
        accuracies.append(right / len(test))
    return Predictability(max(accuracies), accuracies[-1], 1 / pairs.directions, tuple(accuracies))


def pair_network(in_channels: int, directions: int, seed: int) -> nn.Sequential:
    """The network of the paper, with weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            *_convolution(in_channels, 64, width=7, stride=2),
            *_convolution(64, 64),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_convolution(64, 128),
            *_convolution(128, 256),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(256, directions),
        )


def _convolution(before: int, after: int, width: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    kernel = nn.Conv2d(before, after, width, stride, padding=width // 2, bias=False)
    return kernel, nn.BatchNorm2d(after), nn.ReLU()


def _uniform(shape: tuple[int, int], rng: torch.Generator) -> Float[Tensor, "rows columns"]:
    return (2 * torch.rand(shape, generator=rng) - 1) * EXTENT


def _shrunk(images: Float[Tensor, "batch channels height width"], resolution: int | None) -> Tensor:
    if resolution is None or images.shape[2] <= resolution:
        return images
    return F.adaptive_avg_pool2d(images, resolution)
