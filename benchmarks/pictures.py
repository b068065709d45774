"""The README's picture: the most active directions of three methods on the bundled generator, side by side.

python benchmarks/pictures.py         writes benchmarks/results/directions.png
"""

import torch
from PIL import Image, ImageDraw, ImageFont

from orojar_finetune import discover, load_generator
from orojar_finetune.render import strip, traversal
from orojar_finetune.scenes import BUNDLED
from results import RESULTS

METHODS = {"random": "random directions", "sefa": "SeFa", "orojar-jd": "orojar-jd (this project)"}
SHOWN, SEED, STRENGTHS = 5, 2, (-2.0, -1.0, 0.0, 1.0, 2.0)
GAP, HEADER, FONT = 24, 28, 16


def main() -> None:
    """Draws it."""
    torch.set_num_threads(1)
    generator = load_generator(BUNDLED)
    columns = []
    for method in METHODS:
        directions = discover(generator, method=method, progress=False)
        columns.append([strip(traversal(generator, directions, i, [SEED], STRENGTHS)) for i in range(SHOWN)])
    width, height = columns[0][0].size
    picture = Image.new("RGB", (len(columns) * (width + GAP) - GAP, HEADER + SHOWN * (height + 4)), "white")
    draw = ImageDraw.Draw(picture)
    for x, (title, column) in enumerate(zip(METHODS.values(), columns, strict=True)):
        draw.text((x * (width + GAP), 4), title, fill="black", font=ImageFont.load_default(FONT))
        for y, one in enumerate(column):
            picture.paste(one, (x * (width + GAP), HEADER + y * (height + 4)))
    RESULTS.mkdir(exist_ok=True)
    picture.save(RESULTS / "directions.png", optimize=True)
    print(f"Wrote {RESULTS / 'directions.png'}")


if __name__ == "__main__":
    main()
