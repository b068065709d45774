"""What `finetuning.py` measured: a table, a JSON, and the curve of fidelity against disentanglement as a picture."""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from finetuning_designs import DESIGNS, family_of
from results import RESULTS, runs_so_far, write

Record = dict[str, Any]
KEYS = ("orthogonality", "disentanglement", "completeness", "activity", "frechet")
KNOWN_BY = ("design", "steps", "seed")
"""What tells a run from others."""
HEADS = ("cos²", "disent.", "compl.", "activity", "Fréchet")


def report(runs: Path) -> None:
    """Prints all that was measured, of these runs and of those in the results already; writes the results and the picture."""
    fresh = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/measured.json")))
    records = sorted(runs_so_far("finetuning", fresh, KNOWN_BY), key=place)
    if not records:
        print(f"No run has been measured yet in {runs}")
        return
    print(f"{'design':42}{'steps':>6}{'seeds':>6}" + "".join(f"{head:>10}" for head in HEADS) + "   over the control's")
    for (name, steps), group in grouped(records):
        figures = "".join(f"{mean(r['end'][key] for r in group):10.4f}" for key in KEYS)
        ratios = "".join(f"{mean(r['end'][key] for r in group) / mean(r['control'][key] for r in group):6.2f}" for key in KEYS)
        print(f"{name:42}{steps:6}{len(group):6}{figures}   {ratios}")
    write("finetuning", 0, {"designs": {name: str(DESIGNS[name]) for (name, _), _ in grouped(records)}, "runs": records})
    picture(records, RESULTS / "finetuning.png")


def place(record: Record) -> tuple[int, int, int]:
    """In the order of the designs."""
    return list(DESIGNS).index(record["design"]), record["steps"], record["seed"]


def grouped(records: list[Record]) -> list[tuple[tuple[str, int], list[Record]]]:
    """Designs with their steps, and the records of all seeds."""
    groups: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        groups[record["design"], record["steps"]].append(record)
    return list(groups.items())


def picture(records: list[Record], path: Path, steps: int = 1000) -> None:
    """Fidelity against disentanglement, and against orthogonality: one line a family of designs, along its weights."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    means = {
        name: {key: mean(record["end"][key] for record in group) for key in KEYS}
        for (name, asked), group in grouped(records)
        if asked == steps
    }
    start = {key: mean(record["start"][key] for record in records) for key in KEYS}
    families: dict[str, list[dict[str, float]]] = defaultdict(list)
    for name, figures in means.items():
        families[family_of(name)].append(figures)
    panels = (left, "disentanglement", "disentanglement (DCI)"), (right, "orthogonality", "off-diagonal cos²")
    for axes, what, words in panels:
        axes.plot(start["frechet"], start[what], "k*", markersize=12, label="start")
        for family, points in families.items():
            style = "ks" if family == "control" else "o-"
            axes.plot([p["frechet"] for p in points], [p[what] for p in points], style, markersize=5, label=family)
        axes.set_xlabel("Fréchet distance to the scenes")
        axes.set_ylabel(words)
        axes.grid(alpha=0.3)
    right.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.suptitle(f"Fine-tuning the bundled generator, {steps} steps of 16 images")
    figure.savefig(path, dpi=100, metadata={"Software": ""})


def mean(values: Iterable[float]) -> float:
    """Over seeds."""
    return statistics.fmean(values)
