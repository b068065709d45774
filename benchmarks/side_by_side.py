"""Columns of pictures under their titles."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

GAP, BELOW, HEADER, FONT = 24, 4, 28, 16
"""Pixels between columns and pictures, above them, and of the titles."""


def side_by_side(columns: Mapping[str, Sequence[Image.Image]], path: Path) -> None:
    """Draws columns of pictures of one size as one picture.

    Args:
        columns: by title, from left to right.
        path: that is written.
    """
    width, height = next(iter(columns.values()))[0].size
    rows = max(map(len, columns.values()))
    picture = Image.new("RGB", (len(columns) * (width + GAP) - GAP, HEADER + rows * (height + BELOW)), "white")
    draw = ImageDraw.Draw(picture)
    for i, (title, column) in enumerate(columns.items()):
        draw.text((i * (width + GAP), 4), title, fill="black", font=ImageFont.load_default(FONT))
        for j, one in enumerate(column):
            picture.paste(one, (i * (width + GAP), HEADER + j * (height + BELOW)))
    path.parent.mkdir(exist_ok=True)
    picture.save(path, optimize=True)
    print(f"Wrote {path}")
