import inspect

import pytest

from orojar_adapters.contract import sizes

check_blocks, check_positive, check_sizes, check_widths = (
    inspect.unwrap(getattr(sizes, name)) for name in ("check_blocks", "check_positive", "check_sizes", "check_widths")
)
"""Without the type checks of the tests, as users run them."""


@pytest.mark.parametrize(
    ("resolution", "channels", "words"),
    [
        (24, [8, 8, 8], "power of two from 8 to 4096, got 24"),
        (4, [8], "power of two from 8"),
        (2**30, [8] * 29, "got 1073741824"),
        (16.0, [8, 8, 8], "got 16.0"),
        (16, [8, 8], r"one entry for each of \[4, 8, 16\] pixels, got 2"),
        (16, [8, 8, 10**9], "channels must be a whole number from 1 to 16384, got 1000000000"),
        (16, [8, 8, 0], "channels .* got 0"),
        (16, {"4": 8, "8": 8, "16": 8}, "channels must be 2 to 11 widths, got a dict"),
    ],
)
def test_blocks_double_the_image_and_have_one_width_each(resolution, channels, words):
    with pytest.raises(ValueError, match=words):
        check_blocks(resolution, channels)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mapping_depth", 10**9, "mapping_depth must be a whole number from 1 to 64, got 1000000000"),
        ("mapping_depth", 0, "from 1 to 64"),
        ("latent_size", -1, "latent_size must be a whole number from 1 to 16384"),
        ("num_classes", 10**7, "from 0 to 100000"),
        ("image_channels", 17, "from 1 to 16"),
        ("deviations", -1, "from 0 to 16384"),
        ("w_size", 8.0, "w_size .* got 8.0"),
        ("w_size", True, "w_size .* got True"),
        ("w_size", 10**4000, "w_size .* got 1000"),
    ],
)
def test_sizes_out_of_range_are_refused_by_name(name, value, words):
    with pytest.raises(ValueError, match=words) as refused:
        check_sizes(**{name: value})
    assert len(str(refused.value)) < 200


def test_sizes_in_range_pass():
    check_sizes(num_classes=0, deviations=0, mapping_depth=64, latent_size=16384)
    check_blocks(8, [1, 16384])
    check_positive(conv_clamp=None, norm_eps=1e-5)


@pytest.mark.parametrize(("widths", "words"), [([8], "2 to 3 widths, got 1"), (7, "got a int"), ([8, "8"], "got '8'")])
def test_lists_of_widths_are_counted_and_checked_one_by_one(widths, words):
    with pytest.raises(ValueError, match=words):
        check_widths("channels", widths, 2, 3)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1"])
def test_settings_that_are_not_positive_numbers_are_refused(value):
    with pytest.raises(ValueError, match="conv_clamp must be a finite number above 0"):
        check_positive(conv_clamp=value)
