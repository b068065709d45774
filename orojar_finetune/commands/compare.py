"""`orojar compare`."""

import dataclasses

from orojar_adapters import load_generator
from orojar_finetune.commands.evaluate import legend
from orojar_finetune.config import DataConfig
from orojar_finetune.evaluation.comparing import Column, compare
from orojar_finetune.evaluation.results import strips, without_path, write
from orojar_finetune.latents.opened import open_source
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.verbs import Compare

SHOWN = {
    "off_diagonal_share": "share",
    "effective_directions": "effective",
    "off_diagonal_cos2": "cos²",
    "activity": "activity",
    "disentanglement": "disentanglement",
    "completeness": "completeness",
    "seconds": "seconds",
    "images generated": "images",
}
"""Headings of the table by figure."""
DIGITS = {"effective_directions": 1, "seconds": 1, "images generated": 0}


def run(options: Compare) -> None:
    """Finds and measures directions by every method, writes metrics.json and report.html, prints a table."""
    config, device = options.config, Processes(progress=False).device
    generator = load_generator(options.source, options.revision).to(device)
    others = {source: open_source(source) for source in options.tuned}
    tuned = {name: (other.generator().to(device), other.directions()) for name, other in others.items()}
    data_config = DataConfig(split=options.split, image_column=options.image_column)
    print(f"{'':20}" + "".join(f"{heading:>16}" for heading in SHOWN.values()))
    columns = compare(generator, config, data=options.data, data_config=data_config, tuned=tuned, watch=_show)
    for line in legend([column.findings for column in columns], SHOWN):
        print(line)
    model = without_path(options.source)
    facts = {
        "model": model,
        "real images": options.data,
        "family": generator.family,
        "pixels": generator.resolution,
        "directions": config.count,
        "latents": config.latents,
        "seed": config.seed,
    }
    pictures = {
        column.findings.name: strips(column.generator, column.directions) for column in columns if column.directions is not None
    }
    findings = [column.findings for column in columns]
    write(options.output_dir, f"{model}, methods compared", findings, facts, dataclasses.asdict(config), pictures)
    print(f"Wrote {options.output_dir / 'report.html'} and metrics.json")


def _show(column: Column) -> None:
    """Prints a line as soon as a method is done."""
    figures = column.findings.figures
    cells = (f"{figures[name].value:16.{DIGITS.get(name, 3)}f}" if name in figures else " " * 16 for name in SHOWN)
    print(f"{column.findings.name:20}" + "".join(cells), flush=True)
