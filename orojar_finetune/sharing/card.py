"""The model card: what each direction does, where the weights came from, how to use them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from orojar_adapters import Adapter, Generator
from orojar_adapters.opening.address import Address
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.findings import Figure

CARD = "README.md"
EVALUATION = "## Evaluated with `orojar evaluate`"
MARK = "<!-- written by orojar-finetune; a card without this line is left alone -->"
HUB_LICENSES = {"mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0", "unknown"}
HUB_LICENSES |= {"cc-by-sa-4.0", "cc-by-nc-sa-4.0", "gpl-3.0", "lgpl-3.0", "openrail", "other"}


def write(
    folder: Path,
    generator: Generator,
    sets: Mapping[str, Directions],
    base: Mapping[str, Any],
    adapter: Adapter | None = None,
    measured: Mapping[str, Any] | None = None,
) -> None:
    """Writes the card, unless the folder has one of somebody else's; arguments as in `text`."""
    path = folder / CARD
    if path.is_file() and MARK not in path.read_text(encoding="utf-8"):
        return
    path.write_text(text(generator, sets, base, adapter, measured), encoding="utf-8")


def with_evaluation(folder: Path, figures: Mapping[str, Any]) -> str:
    """The card of a folder with the figures of an evaluation in the place of earlier ones; somebody else's card as it is."""
    path = folder / CARD
    found = path.read_text(encoding="utf-8") if path.is_file() else f"{MARK}\n"
    if MARK not in found:
        return found
    before, _, after = found.partition(EVALUATION)
    rest = after.partition("\n## ")[2] if after else ""
    sections = [before.rstrip(), EVALUATION + _evaluation(figures)]
    return "\n\n".join([*sections, f"## {rest}".rstrip()] if rest else sections) + "\n"


def text(
    generator: Generator,
    sets: Mapping[str, Directions],
    base: Mapping[str, Any],
    adapter: Adapter | None = None,
    measured: Mapping[str, Any] | None = None,
) -> str:
    """The card as Markdown with the Hub's front matter.

    Args:
        base: where the weights came from.
        adapter: where the folder holds one instead of the whole weights.
        measured: metrics.json: `finetune`, what a fine-tune of the weights measured at its `start` and its `end`, and its
            `steps`; `evaluation`, what `orojar evaluate` found.
    """
    tuning, evaluation = ((measured or {}).get(key) for key in ("finetune", "evaluation"))
    tuning = tuning if isinstance(tuning, Mapping) and {"start", "end", "steps"} <= tuning.keys() else None
    front = _front_matter(generator, base, adapter, bool(sets))
    sections = [f"---\n{front}\n---", MARK, _title(generator, base, bool(sets))]
    if adapter is not None:
        sections.append(_adapter(adapter))
    if tuning is not None:
        sections.append(_tuning(tuning))
    if sets:
        name, directions = next(iter(sets.items()))
        sections += [_directions(name, directions), _scores(sets)]
    sections += [_usage(bool(sets)), _source(base)]
    if any(directions.method.startswith("orojar") for directions in sets.values()) or _method(tuning) == "OroJaR":
        sections.append(CITED)
    if isinstance(evaluation, Mapping) and "columns" in evaluation:
        sections.append(EVALUATION + _evaluation(evaluation))
    return "\n\n".join(sections) + "\n"


TAGS = ("orojar", "disentanglement", "latent-directions")


def _front_matter(generator: Generator, base: Mapping[str, Any], adapter: Adapter | None, has_directions: bool) -> str:
    license = base.get("license")
    named = {} if license is None or license in HUB_LICENSES else {"license_name": license}
    source, revision = (base.get("source"), base.get("revision")) if adapter is None else (adapter.base, adapter.revision)
    relation = {} if adapter is None or revision is None else {"base_model_relation": "adapter"}
    data = ModelCardData(
        license=license if license is None or not named else "other",
        library_name="orojar-finetune",
        pipeline_tag=None if generator.num_classes else "unconditional-image-generation",
        base_model=_repository(source) if revision and source else None,
        tags=[*(TAGS if has_directions else ()), "gan", generator.family, *(["lora"] if adapter is not None else [])],
        **named,
        **relation,
    )
    return data.to_yaml()


def _repository(source: str) -> str | None:
    address = Address.parse(source)
    return address and address.repo


def _title(generator: Generator, base: Mapping[str, Any], has_directions: bool) -> str:
    kind = f"{generator.num_classes} classes" if generator.num_classes else "unconditional"
    size = f"{generator.resolution} x {generator.resolution} pixels"
    return (
        f"# {base.get('source') or generator.family}{' with latent directions' if has_directions else ''}\n\n"
        f"A {generator.family} generator, {size}, {kind}, in safetensors"
        f"{', with latent directions to edit its images' if has_directions else ''}.\n\n![samples](previews/samples.png)"
    )


def _adapter(adapter: Adapter) -> str:
    lines = [f"## A low-rank adapter (LoRA, rank {adapter.rank})", ""]
    if adapter.base_is_a_path:
        lines += [
            f"Here are only the changes to the weights of the file `{Path(adapter.base or '').name}`, which is not on the Hub:",
            "who has that file writes its path into `adapter_config.json` as `base_model_name_or_path`.",
        ]
    else:
        at = f" at revision `{adapter.revision}`" if adapter.revision else ""
        lines += [f"Here are only the changes to the weights of `{adapter.base}`{at}, which are fetched when they are needed."]
    return "\n".join([*lines, "The whole generator in one folder: `orojar merge FOLDER_OR_REPO OUT`."])


FIGURES = {
    "orthogonality": "off-diagonal cos² of the directions (lower is more independent)",
    "activity": "activity (how much one standard deviation changes the image; two unrelated images: 2)",
    "frechet": "Fréchet distance to {reals}{features} (1: as far as these are from their mean)",
    "disentanglement": "disentanglement against the true factors (1: each direction moves one)",
    "completeness": "completeness against the true factors (1: each factor is moved by one direction)",
}


def _tuning(tuning: Mapping[str, Any]) -> str:
    start, end, kept = tuning["start"], tuning["end"], tuning.get("kept_step", tuning["steps"])
    method, form = _method(tuning), FORMS.get(tuning.get("penalty_form"), "")
    features = f", in features {tuning['features']!r}" if "features" in tuning else ""
    words = {
        "reals": "samples of the original" if tuning.get("data") in ("none", "original") else "the real images",
        "features": features,
    }
    lines = [
        f"## Weights tuned {f'with {method}' if method else 'without the penalty'}",
        "",
        f"{tuning['steps']} steps of the GAN's own loss"
        + (f" with the penalty{form} on the directions below" if method else ", to compare with")
        + ("." if kept == tuning["steps"] else f"; these are the weights after {kept}."),
        "",
        "| | before | after |",
        "|---|---|---|",
    ]
    for name, meaning in FIGURES.items():
        if name in start:
            lines.append(f"| {meaning.format(**words)} | {start[name]:.3f} | {end[name]:.3f} |")
    return "\n".join(lines)


FORMS = {
    "cosine": " (squared cosines between what every pair changes)",
    "variance": " (along random signs)",
    "hessian": " (along random signs)",
}


def _method(tuning: Mapping[str, Any] | None) -> str:
    """The penalty that weights were tuned with; nothing where they were not."""
    if tuning is None or tuning.get("penalty_weight") == 0:
        return ""
    return "the Hessian Penalty" if tuning.get("penalty_form") == "hessian" else "OroJaR"


def _evaluation(figures: Mapping[str, Any]) -> str:
    """A table of all figures, one column a direction set."""
    columns = figures["columns"]
    names = dict.fromkeys(name for column in columns for name in column["figures"])
    lines = [
        "",
        "",
        "; ".join(f"{key}: {value}" for key, value in figures["on"].items() if key != "model")
        + ". In brackets the 95 % interval over latents (of the recall over real images), for predictabilities the range over "
        "seeds.",
        "What the names mean is in `report.html`.",
        "",
        f"| | {' | '.join(column['name'] for column in columns)} |",
        "|---|" + "---|" * len(columns),
    ]
    for name in names:
        cells = (_cell(column["figures"].get(name)) for column in columns)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    notes = dict.fromkeys(note for column in columns for note in column.get("notes", ()))
    return "\n".join([*lines, *(["", *(f"- {note}" for note in notes)] if notes else [])])


def _cell(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return ""
    return str(Figure(figure["value"], figure.get("low"), figure.get("high")))


def _directions(name: str, directions: Directions) -> str:
    lines = [
        f"## Directions (`{name}`, in {directions.space})",
        "",
        "From -3 to 3 standard deviations, one row a seed. Activity: mean squared change of the image by one standard "
        "deviation, over the variance of the images (two unrelated images: 2).",
        "",
        "| direction | activity | layers | what it does |",
        "|---|---|---|---|",
    ]
    for i, (label, activity, layers) in enumerate(zip(directions.names, directions.activity, directions.layers, strict=True)):
        span = "all" if layers is None else f"{layers[0]} to {layers[1] - 1}"
        lines.append(f"| {label} | {_number(activity)} | {span} | ![{label}](previews/direction_{i:02}.png) |")
    return "\n".join(lines)


def _scores(sets: Mapping[str, Directions]) -> str:
    lines = [
        "## Measured on held-out latents",
        "",
        "| set | off-diagonal cos² (lower is more orthogonal) | mean activity |",
        "|---|---|---|",
    ]
    for name, directions in sets.items():
        orthogonality, activity = (_number(directions.scores.get(key, math.nan)) for key in ("orthogonality", "activity"))
        lines.append(f"| {name} | {orthogonality} | {activity} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{value:.3f}"


def _usage(has_directions: bool) -> str:
    imports = "Directions, generate_edited, load_generator" if has_directions else "generate_edited, load_generator"
    edited = ", directions, {0: +2.0}, labels, truncation=0.7)" if has_directions else ", labels=labels, truncation=0.7)"
    lines = [
        "## Use",
        "",
        "```python",
        "import torch",
        f"from orojar_finetune import {imports}",
        "",
        'generator = load_generator("user/repo")  # this repository',
        "rng = torch.Generator().manual_seed(0)",
        "z, labels = generator.sample_latents(4, rng), generator.sample_labels(4, rng)",
        *(['directions = Directions.load("user/repo")'] if has_directions else []),
        f"images = generate_edited(generator, z{edited}  # in [-1, 1]",
        "```",
        "",
        "Or in the browser: `orojar edit user/repo`.",
    ]
    return "\n".join(lines)


CITED = (
    "OroJaR: Wei et al., *Orthogonal Jacobian Regularization for Unsupervised Disentanglement in Image Generation*, ICCV 2021."
)


def _source(base: Mapping[str, Any]) -> str:
    if base.get("source") is None:
        return "## Where the weights came from\n\nThey were made where this folder was written."
    revision = f" at revision `{base['revision']}`" if base.get("revision") else ""
    license = base.get("license") or "not stated beside the weights; ask their authors before you use them"
    return (
        "## Where the weights came from\n\n"
        f"`{base.get('source')}`{revision}, in the format of {base.get('origin')}, read without running anything inside.\n"
        f"Licence of the weights: {license}."
    )
