"""`orojar compare`."""

import dataclasses

from orojar_adapters import load_generator
from orojar_finetune.commands.evaluate import legend
from orojar_finetune.evaluation.comparing import Column, compare
from orojar_finetune.evaluation.results import strips, without_path, write
from orojar_finetune.latents.opened import open_source
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.verbs import Compare

WATCHED = ("orthogonality", "activity", "disentanglement", "completeness", "seconds", "images generated")
DIGITS = {"images generated": 0}


def run(options: Compare) -> None:
    """Finds and measures directions by every method, writes metrics.json and report.html, prints tables."""
    device = Processes(progress=False).device
    generator = load_generator(options.source, options.revision).to(device)
    others = {source: open_source(source) for source in options.tuned}
    tuned = {name: (o.generator().to(device), o.directions(options.direction_set)) for name, o in others.items()}
    print(f"{'':16}" + "".join(f"{name:>17}" for name in WATCHED))
    columns = compare(generator, options.config, data=options.data, tuned=tuned, watch=_show)
    for line in legend([column.findings for column in columns], WATCHED):
        print(line)
    model = without_path(options.source)
    facts = {
        "model": model,
        "real images": options.data,
        "family": generator.family,
        "pixels": generator.resolution,
        "directions": options.config.discover.count,
        "latents": options.config.evaluate.latents,
        "seed": options.config.discover.seed,
    }
    pictures = {
        column.findings.name: strips(column.generator, column.directions) for column in columns if column.directions is not None
    }
    findings, config = [column.findings for column in columns], dataclasses.asdict(options.config)
    write(options.output_dir, f"{model}, methods compared", findings, facts, config, pictures)
    print(f"Wrote {options.output_dir / 'report.html'} and metrics.json beside it")


def _show(column: Column) -> None:
    """A line as soon as a method is done: all of them together take a while."""
    figures = column.findings.figures
    cells = (f"{figures[name].value:17.{DIGITS.get(name, 3)}f}" if name in figures else " " * 17 for name in WATCHED)
    print(f"{column.findings.name:16}" + "".join(cells), flush=True)
