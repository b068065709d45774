"""A ProGAN-style training on scenes after the paper's: every coordinate of z is penalized from the first step on.

A ProGAN generator (z of 12 that is not normalized, as in the paper's) and a discriminator learn scenes with no penalty, the
Hessian Penalty, OroJaR, OroJaR scale-free, and cosines of pairs; the seven true factors are known. Not the paper's: there is
no progressive growing, the discriminator and the losses are StyleGAN2's (logistic, lazy R1), and the penalties are taken every
fourth step, as means over latents, on the last layer of each resolution from 8 x 8 on, after activation and normalization;
the authors take their maxima over a batch, every step, on all layers before activation.

python benchmarks/from_scratch.py run --preset reduced       32 x 32 pixels, small networks
python benchmarks/from_scratch.py run --preset full          128 x 128 pixels, for a GPU
    --seeds 0 1 2, --designs none orojar                     some of the runs
    --share 0/2        this process's share of the runs, to use several at once
    --runs FOLDER      where the runs live; a run that was cut short goes on from its last checkpoint
python benchmarks/from_scratch.py weights                    a short trial of each penalty at several weights, one seed
python benchmarks/from_scratch.py report --runs FOLDER       writes benchmarks/results/from_scratch.json from the runs there are
                                                             and those that are in the results already
python benchmarks/from_scratch.py picture --runs FOLDER      writes benchmarks/results/from_scratch.png: the coordinates of one
                                                             seed, without a penalty and with cosines of pairs
"""

import argparse
import dataclasses
import json
import math
import statistics
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from orojar_finetune import TrainConfig, evaluate, train
from orojar_finetune.config import ComparisonConfig, GanConfig, JacobianPenaltyConfig, NetworkConfig, RunConfig
from orojar_finetune.images.render import strip, traversal
from orojar_finetune.latents.coordinates import latent_axes
from pictures import side_by_side
from results import RESULTS, device, once, runs_so_far, write

PAPER = JacobianPenaltyConfig(form="variance", options={"scale_free": False}, batch_size=16)
DESIGNS = {
    "none": PAPER,
    "hessian": dataclasses.replace(PAPER, form="hessian"),
    "orojar": PAPER,
    "orojar scale-free": dataclasses.replace(PAPER, options={}),
    "orojar pairs": JacobianPenaltyConfig(),
}
"""On the layers' activations; the last, which `orojar train` has by default, takes every pair of coordinates alike."""
TRIALS = {
    "none": (0.0,),
    "hessian": (0.01, 0.1, 1.0),
    "orojar": (1e-9, 1e-8, 1e-7),
    "orojar scale-free": (0.5, 5.0, 50.0),
    "orojar pairs": (1.5, 15.0),
}
"""What `weights` tries."""
WEIGHTS = {"none": 0.0, "hessian": 0.01, "orojar": 1e-8, "orojar scale-free": 5.0, "orojar pairs": 15.0}
NETWORKS = {
    "reduced": NetworkConfig("pggan", 32, (64, 64, 48, 32), (64, 64, 48, 24), latent_size=12, normalize_latents=False),
    "full": NetworkConfig(
        "pggan", 128, (256, 256, 256, 128, 64, 32), (256, 256, 256, 128, 64, 32), latent_size=12, normalize_latents=False
    ),
}
STEPS = {"reduced": 3000, "full": 60_000}
TRIAL_STEPS = 800
MEASURES = ("off-diagonal", "activeness", "fidelity", "ground-truth")
KEYS = {
    "off_diagonal_cos2": "cos²",
    "activity": "activity",
    "disentanglement": "disent.",
    "completeness": "compl.",
    "mutual information gap": "MIG",
    "frechet distance": "Fréchet",
    "predictability, best epoch": "VP",
    "predictability, last epoch": "VP last",
}
SHOWN, ROWS = (-2.0, -1.0, 0.0, 1.0, 2.0), [0, 1, 2]
"""Sigmas in the pictures of traversals, and the seeds of their rows."""
COMPARED = {"none": "no penalty", "orojar pairs": "OroJaR on all of z, every pair alike"}
SHOWN_COORDINATES = 6


def main() -> None:
    """Runs designs, tries weights, or reports what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "weights", "report", "picture"])
    parser.add_argument("--preset", choices=list(NETWORKS), default="reduced")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS), default=list(DESIGNS))
    parser.add_argument("--steps", type=int, help="of a run, where they are not to be the preset's")
    parser.add_argument("--runs", type=Path, default=Path("from-scratch-runs"))
    parser.add_argument("--share", default="0/1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trial = options.what == "weights"
    steps = options.steps or (TRIAL_STEPS if trial else STEPS[options.preset])
    planned = [(name, w, s) for s in options.seeds for name in options.designs for w in (WEIGHTS[name],)]
    if trial:
        planned = [(name, w, options.seeds[0]) for name in options.designs for w in TRIALS[name]]
    mine, of = map(int, options.share.split("/"))
    if options.what == "picture":
        return picture(options.runs, options.seeds[0], steps)
    if options.what != "report":
        for name, weight, seed in planned[mine::of]:
            run(name, weight, seed, steps, options)
    report(options.runs)


def run(name: str, weight: float, seed: int, steps: int, options: argparse.Namespace) -> None:
    """One training and its measurement, unless they have been done."""
    called = words(options.preset, name, weight, seed, steps)
    folder = options.runs / called
    found = once(folder / "measured.json", lambda: judged(name, weight, seed, steps, options.preset, folder))
    print(f"{called:60}" + ", ".join(f"{key} {found[key]:.4f}" for key in KEYS if key in found), flush=True)


def picture(runs: Path, seed: int, steps: int) -> None:
    """The most active coordinates of z of two generators, a row each: what the first picture becomes from -2 to 2 sigmas."""
    columns = {}
    for name, title in COMPARED.items():
        folder = runs / words("reduced", name, WEIGHTS[name], seed, steps)
        activity = json.loads((folder / "measured.json").read_text(encoding="utf-8"))["found"]["of_directions"]["activity"]
        order = sorted(range(len(activity)), key=lambda i: activity[f"z {i}"]["value"], reverse=True)
        strips = [Image.open(folder / f"coordinate-{i}.png") for i in order[:SHOWN_COORDINATES]]
        columns[title] = [one.crop((0, 0, one.width, one.height // len(ROWS))) for one in strips]
    side_by_side(columns, RESULTS / "from_scratch.png")


def words(preset: str, name: str, weight: float, seed: int, steps: int) -> str:
    """A run as the name of its folder."""
    return f"{preset}-{name}-{weight:g}-seed-{seed}-steps-{steps}".replace(" ", "-")


def judged(name: str, weight: float, seed: int, steps: int, preset: str, folder: Path) -> dict[str, Any]:
    """The figures of a run, which is trained to its end first."""
    config = TrainConfig(
        network=NETWORKS[preset],
        gan=GanConfig(learning_rate=2e-3, r1_gamma=0.01, style_mixing=0.0, noise="none", ema_rampup=0.05),
        run=RunConfig(steps, seed=seed, resume_from_checkpoint="latest", checkpoints_total_limit=1, validation_steps=steps),
        penalty=dataclasses.replace(DESIGNS[name], weight=weight),
        fidelity=ComparisonConfig(images=512),
    )
    trained = train(folder, config)
    if trained.ended != "done":
        raise SystemExit(f"{folder}: {trained.ended}; the same command goes on")
    generator = trained.generator.eval().requires_grad_(False)
    axes = latent_axes(generator)
    for i in range(len(axes)):
        strip(traversal(generator, axes, i, ROWS, SHOWN)).save(folder / f"coordinate-{i}.png")
    vp = "none" if steps == TRIAL_STEPS else "quick"  # it takes as long as a trial
    found = evaluate(generator, axes, data="scenes", measures=MEASURES, predictability=vp, seed=1).described()
    return {
        **{"design": name, "weight": weight, "seed": seed, "steps": steps, "preset": preset, "device": device()},
        **{key: figure["value"] for key, figure in found["figures"].items()},
        "found": found,
    }


def report(runs: Path) -> None:
    """Prints the mean over seeds of what was measured, and writes all of it into the results, beside what is there."""
    fresh = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/measured.json")))
    records = runs_so_far("from_scratch", fresh, ("preset", "design", "weight", "seed", "steps"))
    print(f"{'preset':9}{'design':20}{'weight':>8}{'steps':>7}{'seeds':>6}" + "".join(f"{head:>10}" for head in KEYS.values()))
    for key in sorted({(r["preset"], r["design"], r["weight"], r["steps"]) for r in records}):
        group = [r for r in records if (r["preset"], r["design"], r["weight"], r["steps"]) == key]
        means = "".join(f"{statistics.fmean(r.get(name, math.nan) for r in group):10.4f}" for name in KEYS)
        print(f"{key[0]:9}{key[1]:20}{key[2]:8g}{key[3]:7}{len(group):6}{means}")
    if records:
        write("from_scratch", 0, {"designs": {name: str(penalty) for name, penalty in DESIGNS.items()}, "runs": records})


if __name__ == "__main__":
    main()
