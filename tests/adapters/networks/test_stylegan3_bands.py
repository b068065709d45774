"""The schedule against the published networks, and the settings that it refuses."""

import inspect
import math

import pytest

from orojar_adapters.networks.stylegan3.bands import all_filters, bands
from orojar_adapters.networks.stylegan3.layers import layer_names


def test_the_layers_of_the_published_network_of_1024_pixels_come_out():
    found = bands(1024, 14)
    widths = [round(min(2**15 / band.cutoff, 1024)) for band in found[:-1]]
    assert " ".join(layer_names([*widths, 3], found)) == (
        "L0_36_1024 L1_36_1024 L2_52_1024 L3_52_1024 L4_84_1024 L5_148_1024 L6_148_1024 L7_276_645 L8_276_406 L9_532_256 "
        "L10_1044_161 L11_1044_102 L12_1044_64 L13_1024_64 L14_1024_3"
    )


@pytest.mark.parametrize(("resolution", "layers", "critical"), [(1024, 14, 2), (256, 14, 2), (32, 6, 1), (16, 2, 1)])
def test_bands_grow_up_to_what_the_image_can_hold(resolution, layers, critical):
    found = bands(resolution, layers, critical)
    assert found[0].cutoff == 2 and found[0].rate == 16
    assert [band.cutoff for band in found] == sorted(band.cutoff for band in found)
    assert all(band.cutoff + band.half_width >= band.rate / 2 >= band.cutoff and band.half_width > 0 for band in found)
    assert {band.cutoff for band in found[-1 - critical :]} == {resolution / 2}
    assert [(band.size, band.margin) for band in found[-2:]] == [(resolution, 0)] * 2
    assert {band.margin for band in found[:-2]} <= {10}


@pytest.mark.parametrize("radial", [False, True])
def test_filters_bring_every_layer_to_its_rate_and_only_those_below_the_critical_ones_are_radial(radial):
    found = bands(64, 8, critical=3)
    filters = all_filters(found, 3, radial)
    rates = [found[0].rate, *(band.rate for band in found)]
    assert [rate * filter.up / filter.down for rate, filter in zip(rates, filters, strict=False)] == rates[1:9]
    assert all(filter.down == 2 and filter.up_taps.shape == (6 * filter.up,) for filter in filters)
    assert [filter.down_taps.ndim for filter in filters] == [2 if radial else 1] * 5 + [1] * 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resolution": 48}, "resolution must be a power of two, got 48"),
        ({"resolution": 8}, "resolution .* from 16 to 4096, got 8"),
        ({"resolution": 2**40}, "resolution .* from 16 to 4096"),
        ({"layers": 1}, "layers .* from 2 to 64"),
        ({"layers": 10**9}, "layers .* from 2 to 64"),
        ({"critical": 0}, "critical_layers .* from 1 to 13"),
        ({"critical": 14}, "critical_layers .* from 1 to 13"),
        ({"margin": -1}, "margin .* from 0 to 128"),
        ({"margin": 10**9}, "margin .* from 0 to 128"),
        ({"first_cutoff": math.nan}, "first_cutoff must be a finite number"),
        ({"first_cutoff": 1e-300}, "first_cutoff must lie from 1"),
        ({"first_cutoff": 512.0, "first_stopband": 600.0}, "to below 512"),
        ({"first_stopband": 2.0}, "first_stopband above it and up to 1024"),
        ({"first_stopband": 1e300}, "first_stopband above it and up to 1024"),
        ({"stopband_ratio": 1.0}, "stopband_ratio above 1"),
        ({"stopband_ratio": 1e300}, "stopband_ratio above 1 and up to 4"),
    ],
)
def test_settings_that_no_stylegan3_has_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        inspect.unwrap(bands)(**({"resolution": 1024, "layers": 14} | settings))
