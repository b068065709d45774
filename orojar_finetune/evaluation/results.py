"""Results on disk: metrics.json, report.html, and the model card if it is ours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from orojar_adapters import Generator
from orojar_adapters.readers.detect import is_model_folder
from orojar_adapters.readers.folder import METRICS
from orojar_finetune.evaluation.report import page
from orojar_finetune.images import render
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.findings import Findings
from orojar_finetune.runtime.atomic import replacing
from orojar_finetune.sharing.model_folder import add_evaluation, write_json

REPORT = "report.html"
SHOWN_SEED = 0
WIDEST = 900
"""Pixels of a strip in the page."""


def write(
    folder: Path,
    title: str,
    columns: Sequence[Findings],
    facts: Mapping[str, object],
    config: Mapping[str, Any],
    pictures: Mapping[str, Mapping[str, Image.Image]],
) -> None:
    """Writes report.html, and the figures into metrics.json; in a model folder also into its card.

    Args:
        facts: what was measured and on what.
        config: every option.
        pictures: strips by column and direction.
    """
    html = page(title, columns, facts, pictures)
    figures = {"on": dict(facts), "config": dict(config), "columns": [column.described() for column in columns]}
    folder.mkdir(parents=True, exist_ok=True)
    if is_model_folder(folder):
        add_evaluation(folder, figures)
    else:
        with replacing(folder / METRICS) as temporary:
            write_json(temporary, {"evaluation": figures})
    with replacing(folder / REPORT) as temporary:
        temporary.write_text(html, encoding="utf-8")


def without_path(source: str) -> str:
    """A source without the folders of this machine."""
    path = Path(source).expanduser()
    return path.resolve().name if path.exists() else source


def strips(generator: Generator, directions: Directions) -> dict[str, Image.Image]:
    """For each direction a picture of what it does to one seed."""
    pictures = {}
    for i, name in enumerate(directions.names):
        picture = render.strip(render.traversal(generator, directions, i, [SHOWN_SEED]))
        picture.thumbnail((WIDEST, WIDEST))
        pictures[name] = picture
    return pictures
