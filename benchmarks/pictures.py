"""The README's first picture: the most active directions of three methods on the bundled generator, side by side.

python benchmarks/pictures.py         writes benchmarks/results/directions.png
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from orojar_finetune import discover, load_generator
from orojar_finetune.images.render import strip, traversal
from orojar_finetune.scenes import BUNDLED
from results import RESULTS

METHODS = {"random": "random directions", "sefa": "SeFa", "orojar-jd": "orojar-jd (this project)"}
SHOWN, SEED, STRENGTHS = 5, 2, (-2.0, -1.0, 0.0, 1.0, 2.0)
GAP, BELOW, HEADER, FONT = 24, 4, 28, 16
"""Pixels between columns and pictures, above them, and of the titles."""


def main() -> None:
    """Draws it."""
    torch.set_num_threads(1)
    generator = load_generator(BUNDLED)
    columns = {}
    for method, title in METHODS.items():
        directions = discover(generator, method=method, progress=False)
        columns[title] = [strip(traversal(generator, directions, i, [SEED], STRENGTHS)) for i in range(SHOWN)]
    side_by_side(columns, RESULTS / "directions.png")


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


if __name__ == "__main__":
    main()
