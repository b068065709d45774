"""What fine-tuning with the penalty does to the bundled generator, against an equally long fine-tune without it.

python benchmarks/finetuning.py table --seeds 0 1 2       the README's table: start, control, default
python benchmarks/finetuning.py curve                     the curve behind it: one seed, many designs
    --runs FOLDER      where the runs live; a run that was cut short goes on from its last checkpoint
    --share 0/2        this process's share of the runs, to use several at once; `report` then collects all
python benchmarks/finetuning.py report --runs FOLDER      writes benchmarks/results/finetuning.json from the runs there are
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from finetuning_designs import DESIGNS, configured
from orojar_adapters import Generator, load_discriminator
from orojar_finetune import Directions, discover, finetune, load_generator
from orojar_finetune.config import FidelityConfig
from orojar_finetune.measures.ground_truth import ground_truth
from orojar_finetune.measures.held_out import scores_of
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.training.fidelity import Fidelity
from orojar_finetune.training.processes import Processes
from orojar_finetune.training.reals import RenderedScenes
from results import once, write

LATENTS = 256
"""Held-out latents behind the effect matrix."""
IMAGES = 8192
"""On each side of a Fréchet distance."""
KEYS = ("orthogonality", "disentanglement", "completeness", "activity", "frechet")
Figures = dict[str, Any]


def main() -> None:
    """Runs designs, or reports what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "curve", "report"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--model", type=Path, default=BUNDLED)
    parser.add_argument("--runs", type=Path, default=Path("finetuning-runs"))
    parser.add_argument("--share", default="0/1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what != "report":
        names = options.designs or (["control", "default"] if options.what == "table" else list(DESIGNS))
        mine, of = map(int, options.share.split("/"))
        for seed, name in [(seed, name) for seed in options.seeds for name in names][mine::of]:
            run(name, seed, options.steps, options.model, options.runs)
    report(options.runs)


def run(name: str, seed: int, steps: int, model: Path, runs: Path) -> None:
    """One fine-tune and its measurement, unless they have been done."""
    words = name.replace(" ", "-").replace("/", "-over-").replace(",", "")
    folder = runs / f"{words}-seed-{seed}-steps-{steps}"
    config = configured(DESIGNS[name], seed, steps)
    generator = load_generator(model)

    def measure_start() -> Figures:
        return measured(generator, discover(generator, config.discover, progress=False))

    def measure_run() -> Figures:
        directions = discover(generator, config.discover, progress=False)
        critic = load_discriminator(model)
        tuned = finetune(generator, folder, config, data="scenes", directions=directions, discriminator=critic, progress=False)
        return {
            "design": name,
            "seed": seed,
            "steps": tuned.steps,
            "end": measured(tuned.generator, tuned.directions),
            "history": [row for row in history(folder) if "frechet" in row],
        }

    space = config.discover.space
    start = once(runs / f"start-{space}-seed-{seed}.json", measure_start)
    record = once(folder / "measured.json", lambda: {**measure_run(), "start": start})
    print(f"{name:40} seed {seed}: " + ", ".join(f"{key} {record['end'][key]:.4f}" for key in KEYS), flush=True)


def measured(generator: Generator, directions: Directions) -> Figures:
    """Fidelity; orthogonality and activity on held-out latents; what the directions do to the true factors."""
    processes = Processes(progress=False)
    scores = scores_of(generator, directions, 64, seed=1, processes=processes)
    truth = ground_truth(generator, directions, LATENTS, seed=1)
    reals = RenderedScenes(generator.resolution, seed=1, device=generator.device)
    return {
        "orthogonality": scores.orthogonality,
        "activity": scores.activities.mean().item(),
        "disentanglement": truth.disentanglement,
        "completeness": truth.completeness,
        "frechet": Fidelity(reals, FidelityConfig(images=IMAGES), processes, seed=1).of(generator),
        "unmoved": truth.unmoved,
        "effects": [[round(value, 4) for value in row] for row in truth.effects.tolist()],
    }


def history(folder: Path) -> Iterator[Figures]:
    """The lines of a run's history."""
    for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def report(runs: Path) -> None:
    """Prints what was measured and writes it into the results."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/measured.json"))]
    print(f"{'design':42}{'seed':>5}{'steps':>6}{'cos²':>9}{'disent.':>9}{'compl.':>9}{'activity':>9}{'Fréchet':>9}")
    for record in records:
        for name, figures in {"start": record["start"], record["design"]: record["end"]}.items():
            steps = record["steps"] if name != "start" else 0
            print(f"{name:42}{record['seed']:5}{steps:6}" + "".join(f"{figures[key]:9.4f}" for key in KEYS))
    if records:
        write("finetuning", 0, {"runs": records})


if __name__ == "__main__":
    main()
