import io

import numpy as np
import pytest
from PIL import Image

from orojar_finetune.images.decoding import MODES, pixels_of


def file_of(pixels, format="PNG", **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels, np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM"])
def test_an_image_of_the_right_size_stays_as_it_is(format):
    pixels = noise(16, 16, 3)
    np.testing.assert_array_equal(pixels_of(file_of(pixels, format), 16, 3), pixels)


@pytest.mark.parametrize(("height", "width"), [(4, 9), (9, 4), (4, 8)])
def test_the_middle_square_is_taken(height, width):
    pixels = noise(height, width, 3)
    top, left = (height - 4) // 2, (width - 4) // 2
    np.testing.assert_array_equal(pixels_of(file_of(pixels), 4, 3), pixels[top : top + 4, left : left + 4])


def test_images_are_resized_with_lanczos():
    pixels = noise(20, 20, 3)
    expected = np.asarray(Image.fromarray(pixels).resize((8, 8), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(pixels_of(file_of(pixels), 8, 3), expected)


def test_far_larger_images_are_averaged_over_boxes_first_which_is_hardly_seen():
    y, x = np.mgrid[:256, :256]
    pixels = np.stack([x, y, (x + y) // 2], axis=-1).astype(np.uint8)
    direct = np.asarray(Image.fromarray(pixels).resize((8, 8), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(pixels_of(file_of(pixels), 8, 3) - direct).max() <= 2


@pytest.mark.parametrize("channels", MODES)
def test_gray_images_become_what_the_generator_makes(channels):
    gray = noise(4, 4)
    pixels = pixels_of(file_of(gray), 4, channels)
    assert pixels.shape == (4, 4, channels)
    for channel in range(min(3, channels)):
        np.testing.assert_array_equal(pixels[:, :, channel], gray)
    assert channels < 4 or (pixels[:, :, 3] == 255).all()


def test_colors_become_gray_by_their_lightness():
    colors = [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]]
    np.testing.assert_array_equal(pixels_of(file_of(colors), 2, 1)[:, :, 0], [[76, 150], [29, 255]])


def test_alpha_is_kept_or_shows_white():
    pixels = [[[200, 0, 0, 255], [200, 0, 0, 0]], [[0, 0, 0, 51], [0, 0, 0, 0]]]
    np.testing.assert_array_equal(pixels_of(file_of(pixels), 2, 4), pixels)
    rgb = [[[200, 0, 0], [255, 255, 255]], [[204, 204, 204], [255, 255, 255]]]
    np.testing.assert_array_equal(pixels_of(file_of(pixels), 2, 3), rgb)
    np.testing.assert_array_equal(pixels_of(file_of(pixels), 2, 1)[:, :, 0], [[60, 255], [204, 255]])


def test_palettes_with_transparency_are_understood():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    square = image.resize((2, 2), Image.Resampling.NEAREST)
    file = file_of(square, transparency=bytes([255, 0]))
    np.testing.assert_array_equal(pixels_of(file, 2, 3)[0], [[10, 20, 30], [255, 255, 255]])
    np.testing.assert_array_equal(pixels_of(file, 2, 4)[0], [[10, 20, 30, 255], [40, 50, 60, 0]])


def test_photographs_are_turned_as_their_exif_says():
    pixels = noise(4, 4, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by a quarter, clockwise
    np.testing.assert_array_equal(pixels_of(file_of(pixels, exif=exif), 4, 3), np.rot90(pixels, -1))


def test_sixteen_bits_become_eight_and_thirty_two_are_refused():
    deep = Image.fromarray(np.array([[0, 255], [256, 65535]], np.uint16))
    np.testing.assert_array_equal(pixels_of(file_of(deep), 2, 1)[:, :, 0], [[0, 0], [1, 255]])
    pgm = b"P5 2 2 65535\n" + np.array([0, 255, 256, 65535], ">u2").tobytes()  # which PIL reads into 32 bits
    np.testing.assert_array_equal(pixels_of(pgm, 2, 1)[:, :, 0], [[0, 0], [1, 255]])
    floats = Image.fromarray(np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match=r"32-bit pixels .* save it with 8 or 16 bits"):
        pixels_of(file_of(floats, "TIFF"), 2, 1)


def test_other_formats_are_not_opened_whatever_the_name_says():
    with pytest.raises(OSError, match="cannot identify"):
        pixels_of(file_of(noise(4, 4, 3), "EPS"), 4, 3)
