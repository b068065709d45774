"""Compares methods on one generator, with the same latents, number of directions and measures, and counts their cost."""

import dataclasses
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import orojar_adapters as adapters
from orojar_finetune.config import CompareConfig, DataConfig, DiscoverConfig, EvaluateConfig
from orojar_finetune.discovery.discovering import measured, search
from orojar_finetune.evaluation.evaluating import evaluate, open_for
from orojar_finetune.evaluation.subject import Subject
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.findings import Figure, Findings
from orojar_finetune.runtime.processes import Processes


@dataclass(frozen=True)
class Column:
    """One method, or one fine-tuned generator.

    Attributes:
        generator: on which its directions were found.
        directions: None where the method does not fit this generator, which the findings note.
        findings: what was measured.
    """

    generator: adapters.Generator
    directions: Directions | None
    findings: Findings


def compare(
    generator: adapters.Generator,
    config: CompareConfig | None = None,
    *,
    data: str = "none",
    data_config: DataConfig | None = None,
    tuned: Mapping[str, tuple[adapters.Generator, Directions]] | None = None,
    watch: Callable[[Column], None] | None = None,
) -> list[Column]:
    """Finds directions by every method and measures all of them alike.

    Args:
        config: which methods, and what is measured; None means the defaults.
        data: real images for the measures that need some: none, scenes (with their true factors), a folder, a zip file, or
            user/dataset.
        data_config: how real images are read; None means the defaults.
        tuned: fine-tuned generators with their directions, by the name of their column.
        watch: called with every column when it is done.

    Raises:
        ValueError: a column with a method's name, or an option that does not fit this generator.
    """
    config = config or CompareConfig()
    if taken := sorted(set(tuned or {}) & set(config.methods)):
        raise ValueError(f"tuned: {taken[0]} is also the name of a method; name the folder in another way: ./{taken[0]}")
    searches = {name: _search_config(config, name) for name in config.methods}
    evaluated = EvaluateConfig(measures=config.measures, latents=config.latents, seed=config.seed)
    subject = Subject("", generator, None, open_for(generator, data, config.seed, data_config), evaluated)
    subject.check()  # what is not available is refused before the first search
    processes, columns = Processes(progress=False), []

    def add(of: adapters.Generator, directions: Directions | None, findings: Findings) -> None:
        columns.append(Column(of, directions, findings))
        if watch is not None:
            watch(columns[-1])

    for name, wanted in searches.items():
        try:
            with counting(generator) as spent:
                space, basis = search(generator, wanted, progress=False)
        except ValueError as e:  # sefa does not apply to the z of a StyleGAN; the others do
            add(generator, None, Findings(name, notes=[f"{name} was left out: {e}"]))
            continue
        directions, scores = measured(space, basis, wanted, processes, config.latents, subject.activations)
        findings = evaluate(generator, directions, evaluated, data=data, data_config=data_config, name=name, scores=scores)
        findings.figures["seconds"] = Figure(spent.seconds)
        findings.figures["images generated"] = Figure(float(spent.images))
        add(generator, directions, findings)
    for name, (other, theirs) in (tuned or {}).items():
        directions = theirs.take(range(min(len(theirs), config.count)))
        findings = evaluate(other, directions, evaluated, data=data, data_config=data_config, name=name)
        if len(directions) < config.count:
            findings.notes.append(f"{name} has fewer directions than the others: {len(directions)}, not {config.count}.")
        add(other, directions, findings)
    return columns


def _search_config(config: CompareConfig, method: str) -> DiscoverConfig:
    shared = {f.name for f in dataclasses.fields(DiscoverConfig)} & {f.name for f in dataclasses.fields(config)}
    options = {name: getattr(config, name) for name in shared - {"method_options"}}
    return DiscoverConfig(method=method, method_options=config.method_options.get(method, {}), **options)


@dataclass
class Spent:
    """The cost of a search.

    Attributes:
        seconds: wall-clock time.
        images: how many the generator made, one for every latent.
    """

    seconds: float = 0.0
    images: int = 0


@contextmanager
def counting(generator: adapters.Generator) -> Generator[Spent]:
    """Counts seconds and generated images until the end of the block.

    The generator's own methods are replaced meanwhile, so it must not be used elsewhere.
    """
    spent, depth = Spent(), 0
    names = ("synthesize", "synthesize_with_activations")

    def counted(method: Callable) -> Callable:
        def call(ws, *rest, **options):
            nonlocal depth
            spent.images += len(ws) if depth == 0 else 0  # one calls the other
            depth += 1
            try:
                return method(ws, *rest, **options)
            finally:
                depth -= 1

        return call

    for name in names:
        setattr(generator, name, counted(getattr(generator, name)))
    before = time.perf_counter()
    try:
        yield spent
    finally:
        spent.seconds = time.perf_counter() - before
        for name in names:
            delattr(generator, name)
