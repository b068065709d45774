"""What fine-tuning with the penalty does to the bundled generator, against an equally long fine-tune without it.

python benchmarks/finetuning.py table --seeds 0 1 2       the README's table: start, control, default
python benchmarks/finetuning.py curve                     the curve behind it: one seed, many designs
    --runs FOLDER      where the runs live; a run that was cut short goes on from its last checkpoint
    --share 0/2        this process's share of the runs, to use several at once; `report` then collects all
python benchmarks/finetuning.py report --runs FOLDER      writes benchmarks/results/finetuning.json from the runs there are
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from orojar_adapters import Generator, load_discriminator
from orojar_finetune import Directions, FinetuneConfig, discover, finetune, load_generator
from orojar_finetune.atomic import replacing
from orojar_finetune.measures.ground_truth import ground_truth
from orojar_finetune.measures.held_out import scores_of
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.training.processes import Processes
from results import write

LATENTS = 512
"""Held-out latents behind the effect matrix."""

Options = dict[str, Any]
DESIGNS: dict[str, Options] = {
    "control": {"penalty": {"weight": 0.0}},
    "default": {},
    **{f"layers and image, weight {w}": {"penalty": {"weight": w}} for w in (1.0, 3.0, 30.0, 100.0)},
    **{f"image, weight {w}": {"penalty": {"weight": w, "on": ("image",)}} for w in (3.0, 10.0, 30.0, 100.0)},
    **{f"layers, weight {w}": {"penalty": {"weight": w, "on": ("layers",)}} for w in (10.0, 30.0)},
    "image/4, weight 30": {"penalty": {"weight": 30.0, "on": ("image/4",)}},
    "steps of 0.5 sigma, central": {"penalty": {"epsilon": 0.5, "difference": "central"}},
    "steps of 1 sigma, central": {"penalty": {"epsilon": 1.0, "difference": "central"}},
    "pair cosines, weight 10": {"penalty": {"form": "cosine"}},
    "pair cosines, weight 30": {"penalty": {"form": "cosine", "weight": 30.0}},
    "every step": {"penalty": {"every": 1}},
    "directions anew every 250 steps": {"penalty": {"reestimate_every": 250}},
    "through the mapping": {"penalty": {"through_mapping": True}},
    "in z": {"discover": {"space": "z"}},
    **{f"only {what}": {"trainable": what} for what in ("mapping", "synthesis", "affine")},
    **{f"learning rate {rate}": {"gan": {"learning_rate": rate}} for rate in (3e-4, 2e-3)},
    **{f"control, learning rate {rate}": {"penalty": {"weight": 0.0}, "gan": {"learning_rate": rate}} for rate in (3e-4, 2e-3)},
}


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
    folder = runs / f"{name.replace(' ', '-').replace('/', '-over-').replace(',', '')}-seed-{seed}-steps-{steps}"
    done = folder / "measured.json"
    if done.is_file():
        return
    config = configured(DESIGNS[name], seed, steps)
    generator = load_generator(model)
    directions = discover(generator, config.discover, progress=False)
    start = measured(generator, directions)
    tuned = finetune(
        generator, folder, config, data="scenes", directions=directions, discriminator=load_discriminator(model), progress=False
    )
    end = {**measured(tuned.generator, directions), "frechet": tuned.end.frechet}
    found = discover(tuned.generator, config.discover, progress=False)
    record = {
        "design": name,
        "seed": seed,
        "steps": tuned.steps,
        "start": {**start, "frechet": tuned.start.frechet},
        "end": end,
        "directions found anew": measured(tuned.generator, found),
        "history": [row for row in history(folder) if "frechet" in row],
    }
    with replacing(done) as temporary:
        temporary.write_text(json.dumps(record, indent=1))
    print(f"{name:40} seed {seed}: {end}", flush=True)


def configured(design: Options, seed: int, steps: int) -> FinetuneConfig:
    """The default config with a design's options."""
    config = FinetuneConfig(trainable=design.get("trainable", "all"))
    run = dataclasses.replace(
        config.run, seed=seed, max_train_steps=steps, checkpoints_total_limit=1, resume_from_checkpoint="latest"
    )
    return dataclasses.replace(
        config,
        run=run,
        discover=dataclasses.replace(config.discover, seed=seed, **design.get("discover", {})),
        penalty=dataclasses.replace(config.penalty, **design.get("penalty", {})),
        gan=dataclasses.replace(config.gan, noise="none", **design.get("gan", {})),
        fidelity=dataclasses.replace(config.fidelity, keep="last", max_drift=10.0),
    )


def measured(generator: Generator, directions: Directions) -> dict[str, Any]:
    """Orthogonality and activity on held-out latents, and what the directions do to the true factors."""
    scores = scores_of(generator, directions, 64, seed=1, processes=Processes(progress=False))
    truth = ground_truth(generator, directions, LATENTS, seed=1)
    return {
        "orthogonality": scores.orthogonality,
        "activity": scores.activities.mean().item(),
        "disentanglement": truth.disentanglement,
        "completeness": truth.completeness,
        "unmoved": truth.unmoved,
        "effects": [[round(value, 4) for value in row] for row in truth.effects.tolist()],
    }


def history(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a run's history."""
    for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def report(runs: Path) -> None:
    """Prints what was measured and writes it into the results."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/measured.json"))]
    keys = ("orthogonality", "disentanglement", "completeness", "activity", "frechet")
    print(f"{'design':42}{'seed':>5}{'cos²':>9}{'disent.':>9}{'compl.':>9}{'activity':>9}{'Fréchet':>9}")
    for record in records:
        for name, figures in {"start": record["start"], record["design"]: record["end"]}.items():
            print(f"{name:42}{record['seed']:5}" + "".join(f"{figures[key]:9.4f}" for key in keys))
    if records:
        write("finetuning", 0, {"runs": records})


if __name__ == "__main__":
    main()
