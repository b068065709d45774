"""The model card: what each direction does, where the weights came from, how to use them. Its text is in card.md.jinja."""

import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from markupsafe import Markup

from orojar_adapters import Adapter, Generator
from orojar_adapters.opening.address import Address
from orojar_finetune.config import HELD_OUT
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.findings import Figure
from orojar_finetune.sharing import markdown, previews

TEMPLATE = Path(__file__).parent / "card.md.jinja"
CARD = "README.md"
EVALUATION = "## Evaluated with `orojar evaluate`"
MARK = "<!-- written by orojar-finetune; a card without this line is left alone -->"
OF_SETS = ("off_diagonal_cos2", "off_diagonal_share", "effective_directions", "activity")
OF_TUNINGS = ("frechet", "disentanglement", "completeness")
"""Keys of the measures in a card; those of tunings are shown where there are some."""
PARTS = {"finetune": {"start", "end", "steps"}, "evaluation": {"on", "columns"}}
"""What the parts of metrics.json must hold to be shown."""
TAGS = ("orojar", "disentanglement", "latent-directions")
LICENSES = {
    "afl-3.0", "agpl-3.0", "apache-2.0", "apple-amlr", "apple-ascl", "artistic-2.0", "bigcode-openrail-m",
    "bigscience-bloom-rail-1.0", "bigscience-openrail-m", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear",
    "bsl-1.0", "c-uda", "cc", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
    "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
    "cdla-sharing-1.0", "creativeml-openrail-m", "deepfloyd-if-license", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0",
    "eupl-1.1", "eupl-1.2", "fair-noncommercial-research-license", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "h-research",
    "intel-research", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa",
    "odbl", "odc-by", "ofl-1.1", "openmdw-1.0", "openrail", "openrail++", "osl-3.0", "other", "pddl", "postgresql", "unknown",
    "unlicense", "wtfpl", "zlib",
}  # fmt: skip
"""Identifiers that the Hub knows, without those of language models; another one is written as `license_name`."""


def write(
    folder: Path,
    generator: Generator,
    sets: Mapping[str, Directions],
    base: Mapping[str, Any],
    adapter: Adapter | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> None:
    """Writes the card of a model folder, unless it has one that orojar did not write; arguments as in `text`."""
    path = folder / CARD
    if path.is_file() and MARK not in path.read_text(encoding="utf-8"):
        return
    pictures = {picture.name for picture in (folder / previews.FOLDER).glob("*")}
    path.write_text(text(generator, sets, base, adapter, metrics, pictures), encoding="utf-8")


def with_evaluation(folder: Path, evaluation: Mapping[str, Any]) -> str:
    """Returns a folder's card with an evaluation in place of an earlier one; a card by somebody else stays unchanged."""
    path = folder / CARD
    card = path.read_text(encoding="utf-8") if path.is_file() else f"{MARK}\n"
    if MARK not in card:
        return card
    template = markdown.template(TEMPLATE)
    section = "".join(template.blocks["evaluation"](template.new_context({"evaluation": _evaluation(evaluation)})))
    before, _, after = card.partition(EVALUATION)
    _, heading, rest = after.partition("\n## ")
    return before.rstrip() + "\n" + section + heading + rest


def text(
    generator: Generator,
    sets: Mapping[str, Directions],
    base: Mapping[str, Any],
    adapter: Adapter | None = None,
    metrics: Mapping[str, Any] | None = None,
    pictures: Collection[str] = (),
) -> str:
    """Returns the card as Markdown with the Hub's front matter.

    Args:
        sets: by name, the default first.
        base: where the weights came from.
        adapter: where the folder holds one instead of the whole weights.
        metrics: metrics.json: `finetune`, what a fine-tune of the weights measured at its `start` and its `end`, and its
            `steps`; `evaluation`, what `orojar evaluate` measured.
        pictures: names of the previews there are.
    """
    tuning, evaluation = (_part(metrics, key) for key in ("finetune", "evaluation"))
    base = {key: None if base.get(key) is None else str(base[key]) for key in ("source", "revision", "origin", "license")}
    strips = previews.strip_name(0) in pictures
    penalty, measured = _penalty(tuning), _measured(tuning, sets)
    keys = [*OF_SETS, *(key for key in OF_TUNINGS if any(key in figures for figures in measured.values()))]
    return markdown.template(TEMPLATE).render(
        front_matter=Markup(_front_matter(generator, base, adapter, bool(sets)).to_yaml()),
        mark=Markup(MARK),
        generator=generator,
        base=base,
        adapter=adapter,
        base_file=Path(adapter.base or "").name if adapter else "",
        samples=previews.SAMPLES if previews.SAMPLES in pictures else None,
        sets=sets,
        directions=_directions(next(iter(sets.values())), strips) if sets else (),
        strips=strips,
        tuning=tuning,
        penalty=penalty,
        measured=[["", *map(markdown.code, keys)], *([name, *_row(figures, keys)] for name, figures in measured.items())],
        keys=keys,
        latents=HELD_OUT,
        cited=penalty == "OroJaR" or any(directions.method.startswith("orojar") for directions in sets.values()),
        evaluation=_evaluation(evaluation) if evaluation else None,
    )


def _part(metrics: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    """Returns a part of metrics.json; {} if it is missing or incomplete."""
    part = (metrics or {}).get(key)
    return part if isinstance(part, Mapping) and PARTS[key] <= part.keys() else {}


def _front_matter(
    generator: Generator, base: Mapping[str, str | None], adapter: Adapter | None, has_directions: bool
) -> ModelCardData:
    license = base["license"]
    known = license is None or license.lower() in LICENSES
    source, revision = (base["source"], base["revision"]) if adapter is None else (adapter.base, adapter.revision)
    return ModelCardData(
        license=license and (license.lower() if known else "other"),
        license_name=None if known else license,
        library_name="orojar-finetune",
        pipeline_tag=None if generator.num_classes else "unconditional-image-generation",
        base_model=_repository(source) if revision and source else None,
        base_model_relation="adapter" if adapter is not None and revision else None,
        tags=[*(TAGS if has_directions else ()), "gan", generator.family, *(["lora"] if adapter is not None else [])],
    )


def _repository(source: str) -> str | None:
    address = Address.parse(source)
    return address and address.repo


def _penalty(tuning: Mapping[str, Any]) -> str:
    """Returns the penalty that weights were fine-tuned with; empty if there was none."""
    if not tuning or tuning.get("penalty_weight") == 0:
        return ""
    return "the Hessian Penalty" if tuning.get("penalty_form") == "hessian" else "OroJaR"


def _directions(directions: Directions, strips: bool) -> list[list[object]]:
    """Returns the rows of a table, one per direction; without strips it has no column for them."""
    rows: list[list[object]] = [["direction", "activity", "layers", "what it does"]]
    for i, (name, activity, layers) in enumerate(zip(directions.names, directions.activity, directions.layers, strict=True)):
        span = "all" if layers is None else f"{layers[0]} to {layers[1] - 1}"
        strip = Markup(f"![{markdown.escaped(name)}]({previews.FOLDER}/{previews.strip_name(i)})")
        rows.append([name, "not measured" if math.isnan(activity) else f"{activity:.3f}", span, strip])
    return rows if strips else [row[:-1] for row in rows]


def _measured(tuning: Mapping[str, Any], sets: Mapping[str, Directions]) -> dict[str, Mapping[str, Any]]:
    """Returns the measurements before and after a fine-tune, and those of the direction sets that it did not measure."""
    of_sets: dict[str, Mapping[str, Any]] = {name: directions.scores for name, directions in sets.items()}
    if not tuning:
        return of_sets
    start, end = tuning["start"], tuning["end"]
    tuned = next((name for name, scores in of_sets.items() if scores and scores.items() <= end.items()), None)
    after = "after the fine-tune" if tuned is None else f"after the fine-tune: {tuned}"
    return {"before the fine-tune": start, after: end} | {name: scores for name, scores in of_sets.items() if name != tuned}


def _row(figures: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    values = (figures.get(key) for key in keys)
    return [f"{value:.3f}" if isinstance(value, (int, float)) and math.isfinite(value) else "-" for value in values]


def _evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an evaluation as rows of a table, one column per direction set, with notes."""
    columns = evaluation["columns"]
    names = dict.fromkeys(name for column in columns for name in column["figures"])
    figures = ([name, *(_figure(column["figures"].get(name)) for column in columns)] for name in names)
    return {
        "heading": Markup(EVALUATION),
        "conditions": [f"{key}: {value}" for key, value in evaluation["on"].items() if key != "model"],
        "rows": [["", *(column["name"] for column in columns)], *figures],
        "notes": list(dict.fromkeys(note for column in columns for note in column.get("notes", ()))),
    }


def _figure(figure: Mapping[str, float] | None) -> Markup:
    return Markup("" if figure is None else str(Figure(figure["value"], figure.get("low"), figure.get("high"))))
