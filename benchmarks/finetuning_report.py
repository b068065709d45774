"""What `finetuning.py` measured: a table, a JSON, and fidelity against disentanglement as a picture."""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib import colormaps
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


def picture(records: list[Record], path: Path) -> None:
    """Fidelity against disentanglement, one line a family of designs along its weights; and disentanglement along the steps."""
    figure = Figure(figsize=(11, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set_prop_cycle(color=colormaps["tab20"](range(20)))
    start = {key: mean(record["start"][key] for record in records) for key in KEYS}
    left.plot(start["frechet"], start["disentanglement"], "k*", markersize=12, label="start")
    families: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    for (name, steps), group in grouped(records):
        families[family_of(name), steps].append({key: mean(record["end"][key] for record in group) for key in KEYS})
    for (family, steps), points in families.items():
        style = "s-" if family.startswith("control") else "o-"
        xs, ys = ([point[key] for point in points] for key in ("frechet", "disentanglement"))
        left.plot(xs, ys, style, markersize=5, label=f"{family}, {steps} steps")
    for (name, _), group in grouped(records):
        courses = [{p["step"]: p["disentanglement"] for p in r.get("course", []) if "disentanglement" in p} for r in group]
        steps = sorted(set.intersection(*map(set, courses)))
        if len(steps) > 2:
            means = [mean(course[step] for course in courses) for step in steps]
            right.plot([0, *steps], [start["disentanglement"], *means], "o-", markersize=4, label=name)
    left.set_xlabel("Fréchet distance to the scenes")
    right.set_xlabel("steps of 16 images")
    for axes in (left, right):
        axes.set_ylabel("disentanglement (DCI)")
        axes.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=4, fontsize=7)
    if right.lines:
        right.legend(fontsize=7)
    figure.suptitle("Fine-tuning the bundled generator")
    figure.savefig(path, dpi=100, metadata={"Software": ""})


def mean(values: Iterable[float]) -> float:
    """Over seeds."""
    return statistics.fmean(values)
