"""The README's table of fine-tunes, and the JSON behind it, from what `finetuning.py` measured."""

import dataclasses
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finetuning_designs import DESIGNS, control_of
from results import runs_so_far, write

Record = dict[str, Any]
KEYS = {
    "off_diagonal_cos2": "cos²",
    "activity": "activity",
    "disentanglement": "disent.",
    "completeness": "compl.",
    "frechet": "Fréchet",
}
"""What the table shows, and the heads of its columns."""
KNOWN_BY = ("design", "steps", "seed")
"""What tells a run from others."""


def report(runs: Path) -> None:
    """Prints means over seeds of these runs and of those in the results already, with ratios to the control's; writes all."""
    fresh = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/measured.json")))
    records = sorted(runs_so_far("finetuning", fresh, KNOWN_BY), key=place)
    if not records:
        print(f"No run has been measured yet in {runs}")
        return
    print(f"{'':40}{'steps':>6}{'seeds':>6}" + "".join(f"{head:>10}" for head in KEYS.values()))
    show("start", 0, [record["start"] for record in {record["seed"]: record for record in records}.values()])
    groups = grouped(records)
    for (name, steps), group in groups.items():
        end, control = ([record[part] for record in group] for part in ("end", "control"))
        own = own_directions(groups.get((control_of(name), steps), []))
        if name == control_of(name):
            show(name, steps, control)
            if own:
                show("  along its own directions", steps, own)
        else:
            show(name, steps, end)
            show_ratios("  over the control's", end, control)
            if len(own) == len(end):
                show_ratios("  over those along its own directions", end, own)
    designs = {name: dataclasses.asdict(DESIGNS[name]) for name, _ in groups}
    write("finetuning", 0, {"designs": designs, "runs": records})


def place(record: Record) -> tuple[int, int, int]:
    """In the order of the designs."""
    return list(DESIGNS).index(record["design"]), record["steps"], record["seed"]


def grouped(records: list[Record]) -> dict[tuple[str, int], list[Record]]:
    """The records of all seeds, by design and steps."""
    groups: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        groups[record["design"], record["steps"]].append(record)
    return dict(groups)


def own_directions(controls: list[Record]) -> list[Record]:
    """Control runs along directions found on them anew; the oldest were measured along those of the start alone."""
    return [record["end"] for record in controls if record["end"] != record["control"]]


def show(title: str, steps: int, figures: list[Record]) -> None:
    """Prints a row of means over seeds."""
    print(f"{title:40}{steps:6}{len(figures):6}" + "".join(f"{mean(each[key] for each in figures):10.4f}" for key in KEYS))


def show_ratios(title: str, figures: list[Record], others: list[Record]) -> None:
    """Prints a row of means over the means of others."""
    ratios = (mean(each[key] for each in figures) / mean(each[key] for each in others) for key in KEYS)
    print(f"{title:52}" + "".join(f"{ratio:10.2f}" for ratio in ratios))


def mean(values: Iterable[float]) -> float:
    """Over seeds."""
    return statistics.fmean(values)
