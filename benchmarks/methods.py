"""The direction methods that `orojar compare` knows, against the true factors of scenes on the bundled generator.

python benchmarks/methods.py run --seeds 0 1 2      1 to 10 minutes a method and seed on one thread
    --methods sefa orojar-jd     some of the methods
    --runs FOLDER      where figures are kept; what is there is not measured again
    --share 0/2        this process's share, to use several at once
python benchmarks/methods.py report --runs FOLDER   prints the table and writes benchmarks/results/methods.json from these
                                                    figures and those that are in the results already
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from orojar_finetune import load_generator
from orojar_finetune.config import CompareConfig
from orojar_finetune.evaluation.comparing import compare
from orojar_finetune.scenes import BUNDLED
from results import once, runs_so_far, write

METHODS = CompareConfig().methods
KEYS = ("disentanglement", "completeness", "mutual information gap", "off_diagonal_cos2", "activity", "seconds")


def main() -> None:
    """Measures methods, or reports what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--model", type=Path, default=BUNDLED)
    parser.add_argument("--runs", type=Path, default=Path("method-runs"))
    parser.add_argument("--share", default="0/1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "report":
        report(options.runs)
        return
    mine, of = map(int, options.share.split("/"))
    for seed, name in [(seed, name) for seed in options.seeds for name in options.methods][mine::of]:
        path = options.runs / f"{name}-seed-{seed}.json"
        found = once(path, lambda seed=seed, name=name: measured(name, seed, options.model))
        print(f"{name:20}{seed:3}" + "".join(f"{found[key]:10.4f}" for key in KEYS), flush=True)


def measured(name: str, seed: int, model: Path) -> dict[str, Any]:
    """The figures of one method: the same held-out latents for all of a seed."""
    before = time.perf_counter()
    (column,) = compare(load_generator(model), CompareConfig((name,), seed=seed), data="scenes")
    described = column.findings.described()
    return {
        "method": name,
        "seed": seed,
        "seconds": 0.0,
        **{key: figure.value for key, figure in column.findings.figures.items()},
        "intervals": described["figures"],
        "effects": described["matrices"],
        "total seconds": round(time.perf_counter() - before, 1),
    }


def report(runs: Path) -> None:
    """Prints the mean over seeds of every method and writes all figures into the results, beside those that are there."""
    fresh = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*.json")))
    records = runs_so_far("methods", fresh, ("method", "seed"))
    print(f"{'method':20}{'seeds':>6}" + "".join(f"{key[:11]:>12}" for key in KEYS))
    for name in METHODS:
        of_seeds = [record for record in records if record["method"] == name]
        if of_seeds:
            means = (statistics.fmean(record[key] for record in of_seeds) for key in KEYS)
            print(f"{name:20}{len(of_seeds):6}" + "".join(f"{mean:12.4f}" for mean in means))
    if records:
        write("methods", 0, {"runs": records})


if __name__ == "__main__":
    main()
