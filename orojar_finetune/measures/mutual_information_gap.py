"""Whether each true factor is told by one code alone."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures.anchor_images import anchor_batches
from orojar_finetune.measures.coordinates import Coordinates
from orojar_finetune.measures.effects import read_factors
from orojar_finetune.scenes.reader import FactorReader

BINS = 20


def mutual_information_gap(
    codes: Float[Tensor, "samples codes"], factors: Float[Tensor, "samples factors"], bins: int = BINS
) -> Float[Tensor, " factors"]:
    """For each factor by how much the code that tells most about it stands out from the next, in [0, 1].

    (I(v; c_1) - I(v; c_2)) / H(v) for the two codes with the largest mutual information; its mean over factors is MIG (Chen et
    al., NeurIPS 2018, eq. 6). A lone code is compared with one that tells nothing, and a factor that never changes has 0. The
    estimate is too large in either term, by about (bins - 1)² / 2 samples nats, which cancels in their difference where both
    codes have something to tell: take thousands of samples.

    Args:
        bins: of equal width from the smallest to the largest value, for codes and factors alike.

    Raises:
        ValueError: fewer than two samples or bins.
    """
    if len(codes) < 2 or bins < 2:
        raise ValueError(f"mutual information needs at least 2 samples and 2 bins, got {len(codes)} and {bins}")
    binned_codes, binned_factors = _binned(codes, bins), _binned(factors, bins)
    gaps = []
    for factor in binned_factors.unbind(dim=1):
        entropy = _entropy(factor)
        told = [_entropy(code) + entropy - _entropy(code * bins + factor) for code in binned_codes.unbind(dim=1)]
        best, second = sorted([*told, 0.0, 0.0], reverse=True)[:2]
        gaps.append((best - second) / entropy if entropy > 0 else 0.0)
    return torch.tensor(gaps)


@torch.no_grad()
def codes_and_factors(
    generator: Generator,
    directions: Directions,
    reader: FactorReader,
    rng: torch.Generator,
    latents: int = 10_000,
    batch_size: int = 64,
) -> tuple[Float[Tensor, "latents directions"], Float[Tensor, "latents factors"]]:
    """Coordinates of sampled latents along directions, and the factors that the reader sees in their images.

    The factors are read, not known: what the reader gets wrong lowers every gap. Codes of w may depend on one another.

    Raises:
        ValueError: images that are not RGB.
    """
    space = LatentSpace(generator, directions.space)
    coordinates = Coordinates.of(generator, directions, rng)
    codes, factors = [], []
    for anchors in anchor_batches(space, latents, rng, batch_size):
        codes.append(coordinates.read(anchors.latents))
        factors.append(read_factors(space, reader, anchors))
    return torch.cat(codes), torch.cat(factors)


def _binned(values: Float[Tensor, "samples columns"], bins: int) -> Int[Tensor, "samples columns"]:
    """In which bin of its column each value lies."""
    values = values.detach().cpu().double()
    low, high = values.amin(dim=0), values.amax(dim=0)
    shares = (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
    return (shares * bins).long().clamp_max(bins - 1)


def _entropy(classes: Int[Tensor, " samples"]) -> float:
    """Of classes as they occur, in nats."""
    shares = torch.bincount(classes).double() / len(classes)
    return torch.special.entr(shares).sum().item()
