"""`orojar evaluate`."""

import dataclasses
from collections.abc import Iterable

from orojar_adapters import Generator
from orojar_finetune.config import DataConfig
from orojar_finetune.evaluation.evaluating import evaluate
from orojar_finetune.evaluation.results import strips, without_path, write
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.opened import Opened, open_source
from orojar_finetune.measures.findings import MEANINGS, Findings, title
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.sharing.model_folder import default_target
from orojar_finetune.verbs import Evaluate


def run(options: Evaluate) -> None:
    """Measures a generator with each of its direction sets, writes metrics.json and report.html, prints a table."""
    target = options.output_dir or default_target(options.source, "evaluation")
    opened = open_source(options.source, options.revision)
    generator = opened.generator().to(Processes(progress=False).device)
    sets = _sets(opened, options)
    data_config = DataConfig(split=options.split, image_column=options.image_column)
    columns = [
        evaluate(generator, directions, options.config, data=options.data, data_config=data_config, name=name)
        for name, directions in (sets or {"no directions": None}).items()
    ]
    for line in table(columns):
        print(line)
    facts = {"model": without_path(options.source), "real images": options.data, **_sizes(generator, options)}
    pictures = {name: strips(generator, directions) for name, directions in sets.items()}
    write(target, f"{without_path(options.source)}, evaluated", columns, facts, dataclasses.asdict(options.config), pictures)
    print(f"Wrote {target / 'report.html'} and metrics.json beside it")


def _sets(opened: Opened, options: Evaluate) -> dict[str, Directions]:
    known = opened.direction_sets
    if options.direction_set is not None and options.direction_set not in known:
        raise ValueError(
            f"{options.source} has no direction set {options.direction_set!r}; it has {', '.join(known) or 'none'}"
        )
    wanted = known if options.direction_set is None else [options.direction_set]
    return {name: opened.directions(name, force=options.force) for name in wanted}


def _sizes(generator: Generator, options: Evaluate) -> dict[str, object]:
    return {
        "family": generator.family,
        "pixels": generator.resolution,
        "latents": options.config.latents,
        "seed": options.config.seed,
    }


def table(columns: list[Findings]) -> list[str]:
    """Returns all figures as lines of text, one column per direction set, with the legend below."""
    names = [name for name in MEANINGS if any(name in column.figures for column in columns)]
    cells = {column.name: {name: str(column.figures.get(name, "")) for name in names} for column in columns}
    widths = {key: max(len(key), *(len(text) for text in column.values()), 5) for key, column in cells.items()}
    lines = [f"{'':32}" + "".join(f"  {key:>{widths[key]}}" for key in cells)]
    lines += [f"{title(name):32}" + "".join(f"  {cells[key][name]:>{widths[key]}}" for key in cells) for name in names]
    return [*lines, *legend(columns, names)]


def legend(columns: list[Findings], names: Iterable[str]) -> list[str]:
    """Returns lines that say what the figures mean, and what was not measured and why."""
    notes = dict.fromkeys(note for column in columns for note in column.notes)
    meanings = (f"{title(name) + ':':34}{MEANINGS[name].words}" for name in names)
    return ["", *meanings, *(["", *notes] if notes else [])]
