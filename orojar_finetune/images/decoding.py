"""From the bytes of an image file to pixels with a generator's size and channels."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from orojar_finetune.images.image_files import ImageSource

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What a file may contain, whatever its suffix: PIL would start Ghostscript for some others."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""PIL's modes by number of channels."""


class DamagedImageError(ValueError):
    """An image that cannot be read."""


@dataclass(frozen=True)
class Decoder:
    """Decodes images of a source. It runs in threads, so it uses no torch, which would start threads of its own in each."""

    source: ImageSource
    resolution: int
    channels: int

    def __call__(self, index: int, flipped: bool) -> UInt8[np.ndarray, "height width channels"]:
        try:
            pixels = pixels_of(self.source.read(index), self.resolution, self.channels)
        except Exception as e:
            text = f"data: {self.source.name(index)} cannot be read as an image ({type(e).__name__}: {e})"
            raise DamagedImageError(f"{text}; repair or remove it") from e
        return pixels[:, ::-1] if flipped else pixels


def pixels_of(file: bytes, resolution: int, channels: int) -> UInt8[np.ndarray, "height width channels"]:
    """Returns the center square of an image, resized with antialiasing, in gray, RGB or RGBA.

    Photographs are rotated according to their EXIF data. Transparent areas become white where alpha is dropped. Animations
    give their first frame.

    Raises:
        Exception: the file is damaged or not an image; PIL's decoders raise many types.
    """
    with Image.open(BytesIO(file), formats=FORMATS) as opened:
        image = _to_8_bits(_center_square(ImageOps.exif_transpose(opened)), opened.format)
    image = _to_mode(image, MODES[channels])
    # reducing_gap: far larger images are box-averaged first, which is faster and hard to see (PIL's documentation)
    image = image.resize((resolution, resolution), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(image).reshape(resolution, resolution, channels)


def _center_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _to_8_bits(image: Image.Image, format: str | None) -> Image.Image:
    """Scales 16-bit images down: PIL's own conversion clips everything above 255. PIL reads 16-bit PGM into 32 bits."""
    if image.mode.startswith("I;16") or (image.mode == "I" and format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"32-bit pixels (PIL's mode {image.mode}) have no known range: save it with 8 or 16 bits")
    return image


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.has_transparency_data and mode != "RGBA":
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)
