"""MIG: whether each true factor is encoded by one latent coordinate alone."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune.latents.coordinates import Coordinates
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures.ground_truth import read_factors
from orojar_finetune.scenes.reader import FactorReader

BINS = 20


def mutual_information_gap(
    codes: Float[Tensor, "samples codes"], factors: Float[Tensor, "samples factors"], bins: int = BINS
) -> Float[Tensor, " factors"]:
    """For each factor the gap in mutual information between the most informative code and the next one, in [0, 1].

    (I(v; c_1) - I(v; c_2)) / H(v) for the two codes with the largest mutual information; its mean over factors is MIG (Chen et
    al., NeurIPS 2018, eq. 6). A single code is compared with one without information, and a factor that never changes has 0.
    Both terms are overestimated by about (bins - 1)² / 2 samples nats, which cancels where both codes are informative: take
    thousands of samples.

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
        shared = [_entropy(code) + entropy - _entropy(code * bins + factor) for code in binned_codes.unbind(dim=1)]
        best, second = sorted([*shared, 0.0, 0.0], reverse=True)[:2]
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

    The factors are predicted, not known, and the reader's errors lower every gap. Codes of w may depend on each other.

    Raises:
        ValueError: images that are not RGB.
    """
    space = LatentSpace(generator, directions.space)
    coordinates = Coordinates.of(generator, directions, rng)
    codes, factors = [], []
    for batch in space.batches(latents, rng, batch_size):
        codes.append(coordinates.read(batch.values))
        factors.append(read_factors(space, reader, batch))
    return torch.cat(codes), torch.cat(factors)


def _binned(values: Float[Tensor, "samples columns"], bins: int) -> Int[Tensor, "samples columns"]:
    """The bin of each value in its column."""
    values = values.detach().cpu().double()
    low, high = values.amin(dim=0), values.amax(dim=0)
    shares = (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
    return (shares * bins).long().clamp_max(bins - 1)


def _entropy(classes: Int[Tensor, " samples"]) -> float:
    """The entropy of observed classes, in nats."""
    shares = torch.bincount(classes).double() / len(classes)
    return torch.special.entr(shares).sum().item()
