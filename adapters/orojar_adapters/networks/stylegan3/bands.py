"""The schedule of StyleGAN3: which frequencies each layer passes, and how densely and how far it is sampled.

Frequencies are in cycles per image width, sampling rates in samples per image width.
"""

import math
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor

from orojar_adapters.contract.sizes import LARGEST_IMAGE, check_positive, check_size
from orojar_adapters.ops.alias_free import lowpass, radial_lowpass

TAPS = 6
"""Taps of each filter per sample at the lower rate."""
OVERSAMPLING = 2
"""Sampling rate of the leaky ReLU over the higher of input and output."""
MOST_LAYERS = 64
LARGEST_MARGIN = 128


class Band(NamedTuple):
    """The frequencies and the sampling of a layer's output.

    Attributes:
        cutoff: the frequency up to which it passes signals.
        half_width: how far above that the filter reaches its stop band.
        rate: samples per image width.
        size: samples in each axis, with those around the image.
    """

    cutoff: float
    half_width: float
    rate: int
    size: int

    @property
    def margin(self) -> int:
        """Samples beyond each edge of the image, which later layers see when content moves in."""
        return (self.size - self.rate) // 2


def bands(
    resolution: int,
    layers: int,
    critical: int = 2,
    first_cutoff: float = 2.0,
    first_stopband: float = 2**2.1,
    stopband_ratio: float = 2**0.3,
    margin: int = 10,
) -> list[Band]:
    """Returns the bands of the layers and, last, of the image (section 3.2, "flexible layer specifications").

    Args:
        layers: N of the paper.
        critical: N_crit, the number of layers at the end that pass all frequencies of the image.
        first_cutoff: f_c,0.
        first_stopband: f_t,0.
        stopband_ratio: f_t,N / f_c,N.
        margin: samples beyond each edge.

    Raises:
        ValueError: a setting that no StyleGAN3 has.
    """
    check_size("resolution", resolution, 16, LARGEST_IMAGE)
    if resolution & (resolution - 1):
        raise ValueError(f"resolution must be a power of two, got {resolution}")
    check_size("layers", layers, 2, MOST_LAYERS)
    check_size("critical_layers", critical, 1, layers - 1)
    check_size("margin", margin, 0, LARGEST_MARGIN)
    check_positive(first_cutoff=first_cutoff, first_stopband=first_stopband, stopband_ratio=stopband_ratio)
    last = resolution / 2
    if not (1 <= first_cutoff < min(first_stopband, last) and first_stopband <= resolution and 1 < stopband_ratio <= 4):
        raise ValueError(
            f"first_cutoff must lie from 1 to below {last:g}, first_stopband above it and up to {resolution}, "
            f"stopband_ratio above 1 and up to 4, got {first_cutoff}, {first_stopband} and {stopband_ratio}"
        )
    found = []
    for i in range(layers + 1):
        progress = min(i / (layers - critical), 1)
        cutoff = first_cutoff * (last / first_cutoff) ** progress
        stopband = first_stopband * (last * stopband_ratio / first_stopband) ** progress
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        size = rate + 2 * margin if i < layers - 1 else resolution
        found.append(Band(cutoff, max(stopband, rate / 2) - cutoff, rate, size))
    return found


class Filters(NamedTuple):
    """The factors and taps with which a layer resamples before and after its nonlinearity."""

    up: int
    up_taps: Tensor
    down: int
    down_taps: Tensor


def filters(before: Band, after: Band, radial: bool) -> Filters:
    """Returns the filters between a layer's input and its output.

    Args:
        radial: whether the downsampling filter is the same in all directions, as in config R.
    """
    rate = max(before.rate, after.rate) * OVERSAMPLING
    up, down = rate // before.rate, rate // after.rate
    design = radial_lowpass if radial else lowpass
    return Filters(
        up,
        lowpass(TAPS * up, before.cutoff, 2 * before.half_width, rate),
        down,
        design(TAPS * down, after.cutoff, 2 * after.half_width, rate),
    )


def all_filters(found: list[Band], critical: int, radial: bool) -> list[Filters]:
    """Returns the filters of all layers but the one that makes the image; critically sampled ones never have radial filters."""
    before = [found[0], *found]
    count = len(found) - 1
    return [filters(a, b, radial and i < count - critical) for i, (a, b) in enumerate(pairwise(before[: count + 1]))]
