"""What `finetuning.py` measured: a table, a JSON, and fidelity against disentanglement as a picture."""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from finetuning_designs import DEFAULT, DESIGNS, family_of
from results import RESULTS, runs_so_far, write

Record = dict[str, Any]
KEYS = ("orthogonality", "disentanglement", "completeness", "activity", "frechet")
KNOWN_BY = ("design", "steps", "seed")
"""What tells a run from others."""
LONG = 2000
"""Steps from which a run counts as long."""
FAR_OFF = ("in z",)
"""Designs that the picture leaves to the table: they would press all others together."""
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
    """Fidelity against disentanglement after short and after long runs; and disentanglement along the steps."""
    figure = Figure(figsize=(17, 7), layout="constrained")
    short, long, course = figure.subplots(1, 3)
    brief = [record["steps"] for record in records if record["steps"] < LONG]
    scatter(short, [record for record in records if record["steps"] == usual(brief) and record["design"] not in FAR_OFF])
    scatter(long, [record for record in records if record["steps"] >= LONG])
    start = mean(record["start"]["disentanglement"] for record in records)
    for (name, _), group in grouped(records):
        courses = [{p["step"]: p["disentanglement"] for p in r.get("course", []) if "disentanglement" in p} for r in group]
        steps = sorted(set.intersection(*map(set, courses)))
        if len(steps) > 2:
            means = [mean(course[step] for course in courses) for step in steps]
            course.plot([0, *steps], [start, *means], "o-", markersize=4, label=name)
    course.set_title("on the way")
    course.set_xlabel("steps of 16 images")
    for axes in (short, long, course):
        axes.set_ylabel("disentanglement (DCI)")
        axes.grid(alpha=0.3)
    if course.lines:
        course.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=2)
    figure.savefig(path, dpi=90, metadata={"Software": ""})


def scatter(axes: Axes, records: list[Record]) -> None:
    """Where designs of about as many steps end, each under its name; the weights of a family are joined."""
    axes.set_xlabel("Fréchet distance to the scenes, logarithmic")
    if not records:
        return
    axes.set_prop_cycle(color=colormaps["tab20"](range(0, 20, 2)))
    most = usual(record["steps"] for record in records)
    axes.set_title(f"after {most} steps, where nothing else is said")
    families: dict[tuple[str, int], list[tuple[str, float, float]]] = defaultdict(list)
    for (name, steps), group in grouped(records):
        label = name if steps == most else f"{name}, {steps} steps"
        x, y = (mean(record["end"][key] for record in group) for key in ("frechet", "disentanglement"))
        families[family_of(name), steps].append((label, x, y))
    axes.plot(
        *(mean(record["start"][key] for record in records) for key in ("frechet", "disentanglement")), "k*", markersize=12
    )
    labels = []
    for (family, _), points in families.items():
        _, xs, ys = zip(*points, strict=True)
        (line,) = axes.plot(xs, ys, "s" if family.startswith("control") else "o-", markersize=5, linewidth=0.7)
        labels += [(*point, line.get_color()) for point in points]
    axes.set_xscale("log")
    far = max(x for _, x, _, _ in labels) > 0.06
    axes.set_xticks([0.025, 0.04, 0.06, 0.08, 0.12] if far else [0.016, 0.02, 0.025, 0.03, 0.04])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.3)
    axes.autoscale_view()  # now, so that places on the page are known
    write_beside(axes, labels)


def write_beside(axes: Axes, labels: list[tuple[str, float, float, Any]]) -> None:
    """Names beside their points, moved up or down where they would lie on one another."""
    size, taken = 7, []
    for label, x, y, color in sorted(labels, key=lambda each: each[2]):
        left, bottom = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
        width, height = 0.0125 * len(label), 0.0145
        for away in sorted(range(-12, 13), key=abs):
            box = (left, bottom + away * height, left + width, bottom + (away + 1) * height)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                break
        taken.append(box)
        weight = "bold" if label == DEFAULT else "normal"
        arrow = {"arrowstyle": "-", "color": color, "linewidth": 0.4} if abs(away) > 1 else None
        place = (box[0] + 0.015, box[1])
        axes.annotate(
            label, (x, y), place, textcoords="axes fraction", fontsize=size, weight=weight, color=color, arrowprops=arrow
        )


def usual(steps: Iterable[int]) -> int | None:
    """How many steps most runs have, none of no runs."""
    return statistics.multimode(steps)[0] if (steps := list(steps)) else None


def mean(values: Iterable[float]) -> float:
    """Over seeds."""
    return statistics.fmean(values)
