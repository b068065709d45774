"""Direction methods against the true factors of scenes: every method, and what was tried to make `orojar-jd` better.

python benchmarks/methods.py run --seeds 0 1 2      all designs on the bundled generator, some minutes each on one thread
    --runs FOLDER      where figures are kept; designs that are there are not measured again
    --share 0/2        this process's share, to use several at once
    --tuned FOLDER     runs of finetuning.py, for the designs that are fine-tuned, each with its own directions
python benchmarks/methods.py report --runs FOLDER   prints the table, writes benchmarks/results/methods.json
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from finetuning import words
from finetuning_designs import AFFINE, DEFAULT, control_of
from oblique import oblique
from orojar_finetune import Directions, DiscoverConfig, FinetuneConfig, discover, evaluate, load_generator
from orojar_finetune.config import CompareConfig, EvaluateConfig
from orojar_finetune.config.discovery import DescentConfig
from orojar_finetune.evaluation.comparing import compare
from orojar_finetune.evaluation.spending import counting
from orojar_finetune.measures.findings import Figure
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.scenes.reader import load_reader
from results import once, runs_so_far, write
from styles import in_styles
from supervised import supervised

KEYS = ("disentanglement", "completeness", "mutual information gap", "orthogonality", "activity", "seconds")
LAYERS = (2, 4, 6)
"""Feature maps of the bundled generator at 8, 16 and 32 pixels, the last of each resolution."""

DESIGNS: dict[str, dict[str, Any]] = {
    **{name: {"method": name} for name in CompareConfig().methods},
    "jd: whitened": {"whiten": True},
    "jd: layers and image": {"activations": LAYERS},
    "jd: layers and image, whitened": {"activations": LAYERS, "whiten": True},
    "jd: 16 latents": {"latents": 16},
    "jd: 256 latents": {"latents": 256},
    "jd: 7 directions": {"count": 7},
    "jd: 16 directions": {"count": 16},
    "jd: 32 directions, the 10 most active": {"count": 32, "shown": 10},
    "jd: steps of 0.5 sigma": {"epsilon": 0.5},
    "jd: steps of 1 sigma": {"epsilon": 1.0},
    "jd: in z": {"space": "z"},
    "jd: in w+": {"space": "w+"},
    "jd: in w+, whitened": {"space": "w+", "whiten": True},
    "jd: in w+, layers and image": {"space": "w+", "activations": LAYERS},
    **{
        f"jd: in w+, groups from {', '.join(map(str, groups))}, {count}": {
            "space": "w+",
            "layer_groups": groups,
            "whiten": True,
            "count": count,
        }
        for groups in ((2,), (4,), (2, 6))
        for count in (8, 10)
    },
    "jd: in s": {"styles": True, "latents": 16},
    "jd: in s, layers and image": {"styles": True, "latents": 16, "activations": LAYERS},
    "jd: in s, whitened": {"styles": True, "latents": 16, "whiten": True},
    "jd: in s, 7 directions": {"styles": True, "latents": 16, "count": 7},
    "axes: in s": {"method": "axes", "styles": True, "latents": 16},
    "jd: layers 0 to 3": {"layers": (0, 4)},
    "jd: layers 4 to 9": {"layers": (4, 10)},
    **{f"jd: any angles, ridge {ridge:g}": {"method": "oblique", "ridge": ridge} for ridge in (0.1, 1.0, 10.0)},
    "jacobian: whitened": {"method": "jacobian", "whiten": True},
    **{f"supervised: in {space}": {"method": "supervised", "space": space} for space in ("z", "w", "w+")},
    "supervised: in s": {"method": "supervised", "styles": True},
}
"""What each changes in the defaults; a method without one is orojar-jd, styles looks for directions in the style space.

Those of `supervised.py` are told the factors, those of `oblique.py` need not be at right angles.
"""
TUNED = {
    "fine-tuned": DEFAULT,
    "fine-tuned, weight 15 to the end": AFFINE,
    "fine-tuned without the penalty": control_of(DEFAULT),
}
"""The designs of `finetuning.py` whose generators and directions meet them."""
TUNED_STEPS = FinetuneConfig().run.max_train_steps


def main() -> None:
    """Measures designs, or reports what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--designs", nargs="+", choices=[*DESIGNS, *TUNED], default=list(DESIGNS))
    parser.add_argument("--model", type=Path, default=BUNDLED)
    parser.add_argument("--runs", type=Path, default=Path("method-runs"))
    parser.add_argument("--tuned", type=Path, default=Path("finetuning-runs"))
    parser.add_argument("--share", default="0/1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "run":
        mine, of = map(int, options.share.split("/"))
        for seed, name in [(seed, name) for seed in options.seeds for name in options.designs][mine::of]:
            path = options.runs / f"{name.replace(' ', '-').replace(':', '').replace(',', '')}-seed-{seed}.json"
            found = once(path, lambda seed=seed, name=name: measured(name, seed, options.model, options.tuned))
            print(f"{name:40}{seed:3}" + "".join(f"{found[key]:10.4f}" for key in KEYS), flush=True)
    else:
        report(options.runs)


def measured(name: str, seed: int, model: Path, runs: Path) -> dict[str, Any]:
    """The figures of one design: the same held-out latents for all of a seed."""
    before = time.perf_counter()
    evaluated = EvaluateConfig(measures=("independence", "ground-truth"), latents=128, seed=seed)
    if name in TUNED:
        run = runs / words(TUNED[name], seed, TUNED_STEPS) / "model"
        found = evaluate(load_generator(run), Directions.load(run), evaluated, data="scenes")
    else:
        options = dict(DESIGNS[name])
        method, shown, styles = options.pop("method", "orojar-jd"), options.pop("shown", None), options.pop("styles", False)
        ridge = options.pop("ridge", None)
        generator = in_styles(load_generator(model)) if styles else load_generator(model)
        config = DiscoverConfig(seed=seed, descent=DescentConfig(), **options)
        if method == "supervised":
            found = evaluate(generator, supervised(generator, config, load_reader()), evaluated, data="scenes")
        elif ridge is not None:
            found = evaluate(generator, oblique(generator, config, ridge), evaluated, data="scenes")
        elif shown is None:
            (column,) = compare(generator, CompareConfig((method,), config, evaluated), data="scenes")
            found = column.findings
        else:
            with counting(generator) as spent:
                directions = discover(generator, config, method=method, progress=False).take(range(shown))
            found = evaluate(generator, directions, evaluated, data="scenes")
            found.figures["seconds"] = Figure(spent.seconds)
    described = found.described()
    return {
        "design": name,
        "seed": seed,
        "seconds": 0.0,
        **{key: figure.value for key, figure in found.figures.items()},
        "intervals": described["figures"],
        "effects": described["matrices"],
        "total seconds": round(time.perf_counter() - before, 1),
    }


def report(runs: Path) -> None:
    """Prints the mean over seeds of every design and writes all figures into the results, beside those that are there."""
    fresh = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*.json")))
    records = runs_so_far("methods", fresh, ("design", "seed"))
    print(f"{'design':40}{'seeds':>6}" + "".join(f"{key[:11]:>12}" for key in KEYS))
    for name in (*DESIGNS, *TUNED):
        of_seeds = [record for record in records if record["design"] == name]
        if of_seeds:
            means = (statistics.fmean(record[key] for record in of_seeds) for key in KEYS)
            print(f"{name:40}{len(of_seeds):6}" + "".join(f"{mean:12.4f}" for mean in means))
    if records:
        designs = {**DESIGNS, **{name: {"finetuning.py": design} for name, design in TUNED.items()}}
        write("methods", 0, {"designs": {name: str(design) for name, design in designs.items()}, "runs": records})


if __name__ == "__main__":
    main()
