"""The bake-off: all methods on one generator, at the same latents, with the same number of directions and the same steps."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orojar_adapters import Generator
from orojar_finetune.config import CompareConfig, DiscoverConfig
from orojar_finetune.discovery import METHODS
from orojar_finetune.discovery.discovering import measured, search
from orojar_finetune.evaluation.evaluating import evaluate, reals_for
from orojar_finetune.evaluation.spending import counting
from orojar_finetune.evaluation.subject import Subject
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.findings import Figure, Findings
from orojar_finetune.runtime.processes import Processes

PAPER = "orojar-paper"
"""`orojar` with the loss of the paper, which is not scale-free."""


@dataclass(frozen=True)
class Column:
    """One contestant.

    Attributes:
        generator: that its directions were found on.
        directions: what it found; None where the method does not fit this generator, which the findings note.
        findings: what was measured of them.
    """

    generator: Generator
    directions: Directions | None
    findings: Findings


def compare(
    generator: Generator,
    config: CompareConfig | None = None,
    *,
    data: str = "none",
    tuned: Mapping[str, tuple[Generator, Directions]] | None = None,
    watch: Callable[[Column], None] | None = None,
) -> list[Column]:
    """Directions by every method, measured alike.

    Args:
        config: which methods, and what is measured; None means the defaults.
        data: real images for what needs some: none, scenes (with their true factors), a folder, a zip file, or user/dataset.
        tuned: generators that were fine-tuned, with their directions, by the name of their column.
        watch: is told of every column when it is done.

    Raises:
        ValueError: an unknown method, a column of a method's name, or an option that does not fit this generator.
    """
    config = config or CompareConfig()
    known = [PAPER, *METHODS]
    if unknown := [name for name in config.methods if name not in known]:
        raise ValueError(f"methods must be some of {', '.join(known)}, got {', '.join(unknown)}")
    if taken := sorted(set(tuned or {}) & set(config.methods)):
        raise ValueError(f"tuned: {taken[0]} is also the name of a method; name the folder in another way: ./{taken[0]}")
    reals = reals_for(generator, data, config.evaluate.seed)
    Subject("", generator, None, reals, config.evaluate).check()  # what cannot be had is refused before the first search
    columns = []

    def add(of: Generator, directions: Directions | None, found: Findings) -> None:
        columns.append(Column(of, directions, found))
        if watch is not None:
            watch(columns[-1])

    for name in config.methods:
        wanted = configured(name, config.discover)
        try:
            with counting(generator) as spent:
                space, basis = search(generator, wanted, progress=False)
        except ValueError as e:  # SeFa has nothing to say of the z of a StyleGAN; the others do
            add(generator, None, Findings(name, notes=[f"{name} was left out: {e}"]))
            continue
        directions = measured(space, basis, wanted, Processes(progress=False))
        found = evaluate(generator, directions, config.evaluate, data=data, name=name)
        found.figures["seconds"] = Figure(spent.seconds)
        found.figures["images generated"] = Figure(float(spent.images))
        add(generator, directions, found)
    for name, (other, theirs) in (tuned or {}).items():
        directions = theirs.take(range(min(len(theirs), config.discover.count)))
        found = evaluate(other, directions, config.evaluate, data=data, name=name)
        if len(directions) < config.discover.count:
            found.notes.append(f"{name} has fewer directions than the others: {len(directions)}, not {config.discover.count}.")
        add(other, directions, found)
    return columns


def configured(name: str, shared: DiscoverConfig) -> DiscoverConfig:
    """What all methods share, with the method of this name."""
    if name != PAPER:
        return dataclasses.replace(shared, method=name)
    return dataclasses.replace(shared, method="orojar", descent=dataclasses.replace(shared.descent, scale_free=False))
