"""The README's picture: the most active directions of three methods on the bundled generator, side by side.

python benchmarks/pictures.py         writes benchmarks/results/directions.png
"""

import torch

from orojar_finetune import discover, load_generator
from orojar_finetune.images.render import strip, traversal
from orojar_finetune.scenes import BUNDLED
from results import RESULTS
from side_by_side import side_by_side

METHODS = {"random": "random directions", "sefa": "SeFa", "orojar-jd": "orojar-jd (this project)"}
SHOWN, SEED, STRENGTHS = 5, 2, (-2.0, -1.0, 0.0, 1.0, 2.0)


def main() -> None:
    """Draws it."""
    torch.set_num_threads(1)
    generator = load_generator(BUNDLED)
    columns = {}
    for method, title in METHODS.items():
        directions = discover(generator, method=method, progress=False)
        columns[title] = [strip(traversal(generator, directions, i, [SEED], STRENGTHS)) for i in range(SHOWN)]
    side_by_side(columns, RESULTS / "directions.png")


if __name__ == "__main__":
    main()
