"""The paper's own experiment: a small GAN on dSprites with no penalty, the Hessian Penalty, OroJaR, and scale-free OroJaR.

python benchmarks/paper.py run --preset reduced      32 x 32 pixels, a quarter of the width: 12 runs, two hours of two cores
python benchmarks/paper.py run --preset full         the paper's networks at 64 x 64 pixels, for a GPU
    --seeds 0 1 2, --designs none orojar             some of the runs
    --share 0/2        this process's share of the runs, to use several at once
    --runs FOLDER      where the runs live; a run that was cut short goes on from its last checkpoint
python benchmarks/paper.py weights                   a short trial of each penalty at several weights, one seed
python benchmarks/paper.py report --runs FOLDER      writes benchmarks/results/paper.json from the runs there are and those
                                                     that are in the results already
"""

import argparse
import dataclasses
import json
import math
import statistics
from pathlib import Path

import torch

from paper_presets import DESIGNS, PRESETS, TRIAL_STEPS, TRIAL_WEIGHTS, Preset
from paper_runs import KEYS, run
from results import runs_so_far, write

RESULTS_OF = {"reduced": "paper", "reduced-weights": "paper_weights"}
"""Where figures of runs in these folders go; those of others bear their folder's name."""
COLUMNS = {"cos²": 9, "of active": 9, "layers": 9, "activity": 9, "disent.": 9, "compl.": 9, "Fréchet": 9, "VP": 7, "last": 7}


def main() -> None:
    """Runs designs, tries weights, or reports what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "weights", "report"])
    parser.add_argument("--preset", choices=list(PRESETS), default="reduced")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--steps", type=int, help="of a run, where they are not to be the preset's")
    parser.add_argument("--runs", type=Path, default=Path("paper-runs"))
    parser.add_argument("--share", default="0/1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    preset = PRESETS[options.preset]
    if options.what == "weights":
        preset = dataclasses.replace(preset, steps=TRIAL_STEPS, pairs=0)
    preset = dataclasses.replace(preset, steps=options.steps or preset.steps)
    runs = options.runs / (f"{options.preset}-weights" if options.what == "weights" else options.preset)
    if options.what != "report":
        mine, of = map(int, options.share.split("/"))
        for name, weight, seed in planned(preset, options)[mine::of]:
            run(preset, name, weight, seed, runs)
    report(options.preset, runs)


def planned(preset: Preset, options: argparse.Namespace) -> list[tuple[str, float, int]]:
    """Design, weight and seed of each run that was asked for; the longest first, so that shares end together."""
    designs = [name for name in DESIGNS if name in options.designs]
    if options.what == "weights":
        return [(name, weight, options.seeds[0]) for name in designs for weight in TRIAL_WEIGHTS[name]]
    return [(name, preset.weights[name], seed) for name in designs for seed in options.seeds]


def report(preset: str, runs: Path) -> None:
    """Prints what was measured and writes it into the results, beside what is there."""
    name = RESULTS_OF.get(runs.name, f"paper_{runs.name}")
    fresh = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/measured.json")))
    records = runs_so_far(name, fresh, ("design", "weight", "seed", "steps"))
    print(f"{'design':20}{'weight':>8}{'seed':>5}{'steps':>7}" + "".join(f"{name:>{width}}" for name, width in COLUMNS.items()))
    for record in records:
        vp = record.get("vp", {"best": [math.nan], "last": [math.nan]})
        print(
            f"{record['design']:20}{record['weight']:8g}{record['seed']:5}{record['steps']:7}"
            + "".join(f"{record.get(key, math.nan):9.4f}" for key in KEYS)
            + "".join(f"{statistics.fmean(vp[epoch]):7.3f}" for epoch in ("best", "last"))
        )
    if records:
        reader = json.loads((runs / "reader.json").read_text(encoding="utf-8"))
        write(name, 0, {"preset": dataclasses.asdict(PRESETS[preset]), "reader": reader, "runs": records})


if __name__ == "__main__":
    main()
