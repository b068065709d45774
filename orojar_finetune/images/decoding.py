"""From an image file to the pixels that a generator could have made: its size, its colours."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from orojar_finetune.images.image_source import ImageSource

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What a file may contain, whatever its name says: PIL would start Ghostscript for some others."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""PIL's word for images of so many channels."""


class DamagedImageError(ValueError):
    """An image that cannot be read."""


@dataclass(frozen=True)
class Decoder:
    """Reads images of a source; works in threads, so without torch, which would start threads of its own in each."""

    source: ImageSource
    resolution: int
    channels: int

    def __call__(self, index: int, mirrored: bool) -> UInt8[np.ndarray, "height width channels"]:
        try:
            pixels = pixels_of(self.source.read(index), self.resolution, self.channels)
        except Exception as e:
            text = f"data: {self.source.name(index)} cannot be read as an image ({type(e).__name__}: {e})"
            raise DamagedImageError(f"{text}; repair it or take it out") from e
        return pixels[:, ::-1] if mirrored else pixels


def pixels_of(file: bytes, resolution: int, channels: int) -> UInt8[np.ndarray, "height width channels"]:
    """The middle square of an image, resized with antialiasing, in gray, RGB or RGBA.

    Photographs are turned the way their EXIF says. Where alpha is not kept, what is transparent shows white. Of an
    animation the first picture counts.

    Raises:
        Exception: the file is damaged or no image; PIL's decoders raise whatever they stumble over.
    """
    with Image.open(BytesIO(file), formats=FORMATS) as opened:
        image = _to_8_bits(_middle_square(ImageOps.exif_transpose(opened)), opened.format)
    image = _to_mode(image, MODES[channels])
    # reducing_gap: far larger images are averaged over boxes first, which is faster and cannot be seen (PIL's documentation)
    image = image.resize((resolution, resolution), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(image).reshape(resolution, resolution, channels)


def _middle_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _to_8_bits(image: Image.Image, format: str | None) -> Image.Image:
    """PIL's own conversion would cut off everything above 255. It reads PGM of 16 bits into 32."""
    if image.mode.startswith("I;16") or (image.mode == "I" and format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of 32 bits (PIL's mode {image.mode}) have no known range: save it with 8 or 16 bits")
    return image


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.has_transparency_data and mode != "RGBA":
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)
