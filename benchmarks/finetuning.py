"""What fine-tuning with the penalty does to the bundled generator, against an equally long fine-tune without it.

python benchmarks/finetuning.py table --seeds 0 1 2       the README's table: the default beside its control and the start
python benchmarks/finetuning.py curve                     the curve behind it: one seed, many designs
    --runs FOLDER      where the runs live; a run that was cut short goes on from its last checkpoint
    --share 0/2        this process's share of the runs, to use several at once; `report` then collects all
python benchmarks/finetuning.py report --runs FOLDER      the table and benchmarks/results/finetuning.json, from the runs there
                                                          are and those that are in the results already
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from finetuning_designs import DEFAULT, DESIGNS, configured, control_of
from finetuning_report import KEYS, KNOWN_BY, report
from orojar_adapters import Generator, load_discriminator
from orojar_finetune import Directions, DiscoverConfig, FinetuneConfig, discover, finetune, load_generator, write_model_folder
from orojar_finetune.config import FidelityConfig
from orojar_finetune.discovery.discovering import measured as remeasured
from orojar_finetune.images.reals import RenderedScenes
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.measures.ground_truth import ground_truth
from orojar_finetune.measures.held_out import scores_of, space_of
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.training.checkpoints import checkpoints
from results import device, once, runs_so_far

LATENTS = 256
"""Held-out latents behind the effect matrix."""
IMAGES = 8192
"""On each side of a Fréchet distance."""
COURSE_IMAGES = 4096
"""The same on the way to the end: less exact, more often."""
SHORTEST_COURSE = 3
"""Checkpoints; fewer make no course, and measuring takes as long as training."""
Figures = dict[str, Any]


def main() -> None:
    """Runs designs, or reports what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "curve", "report"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS))
    parser.add_argument("--steps", type=int, help="the defaults' own for the table, 1000 for the curve")
    parser.add_argument("--model", type=Path, default=BUNDLED)
    parser.add_argument("--runs", type=Path, default=Path("finetuning-runs"))
    parser.add_argument("--share", default="0/1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "report":
        report(options.runs)
        return
    steps = options.steps or (FinetuneConfig().run.max_train_steps if options.what == "table" else 1000)
    names = options.designs or (["control", DEFAULT] if options.what == "table" else list(DESIGNS))
    mine, of = map(int, options.share.split("/"))
    for seed, name in [(seed, name) for seed in options.seeds for name in names][mine::of]:
        path = options.runs / words(name, seed, steps) / "measured.json"
        found = once(path, lambda n=name, s=seed: judged(n, s, steps, options.model, options.runs))
        print(f"{name:40} seed {seed}: " + ", ".join(f"{key} {found['end'][key]:.4f}" for key in KEYS), flush=True)


def judged(name: str, seed: int, steps: int, model: Path, runs: Path) -> Figures:
    """A design, its control and the start, on the same held-out latents, each in its own sigmas.

    A control that the results have from another machine or day, of the same start along the same directions, is not made again.
    """
    config = configured(name, seed, steps)
    end = tuned(name, seed, steps, model, runs)
    found = discover(opened(model), config.discover, progress=False).active(config.penalty.least_activity)
    discovery = dataclasses.replace(config.discover, count=len(found))

    def of(folder: Path, directions: Directions, place: Path) -> Figures:
        return once(place / f"{told(directions)}.json", lambda: measured(opened(folder), directions, discovery))

    def control() -> Figures:
        game = control_of(name)
        if not (runs / words(game, seed, steps)).is_dir():
            known = {"design": game, "seed": seed, "steps": steps}
            for run in runs_so_far("finetuning", (), KNOWN_BY):
                if known.items() <= run.items() and alike(run["start"], start):
                    return run["control"]
        folder = tuned(game, seed, steps, model, runs)
        return of(folder, found, folder / "measured")

    start = of(model, found, runs / f"start-seed-{seed}")
    return {
        "design": name,
        "seed": seed,
        "steps": steps,
        "directions": told(found),
        "device": device(),
        "start": start,
        "control": control(),
        "end": of(end, Directions.load(end), end / "measured"),
        "course": once(end.parent / "course.json", lambda: {"points": course(end.parent, found, config)})["points"],
    }


def told(directions: Directions) -> str:
    """What tells directions from others."""
    return f"{len(directions)}-in-{directions.space}-{directions.digest}"


def opened(folder: Path) -> Generator:
    """A generator where this process computes."""
    return load_generator(folder).to(Processes(progress=False).device)


def alike(one: Figures, other: Figures) -> bool:
    """Whether the same directions of the same generator were measured: machines differ in the last digits."""
    return all(abs(one[key] - other[key]) <= 1e-3 * abs(other[key]) for key in KEYS)


def course(run: Path, found: Directions, config: FinetuneConfig) -> list[Figures]:
    """What the averaged generator of every checkpoint is like, and, where there is a penalty, what its directions are."""
    processes = Processes(progress=False)
    generator = opened(run / "model")
    reals = RenderedScenes(generator.resolution, seed=1, device=generator.device)
    fidelity = Fidelity(reals, FidelityConfig(images=COURSE_IMAGES), processes, seed=1)
    points: list[Figures] = []
    if len(checkpoints(run)) < SHORTEST_COURSE:
        return points
    for checkpoint in checkpoints(run):
        generator.load_state_dict(load_file(checkpoint / "average.safetensors"))
        step = int(checkpoint.name.rpartition("-")[2])
        points.append({"step": step, f"frechet on {COURSE_IMAGES} images": fidelity.of(generator)})
        if config.penalty.weight:
            running = load_file(checkpoint / "running.safetensors")
            directions = dataclasses.replace(found, basis=running["basis"], sigmas=running["sigmas"])
            figures = of_directions(generator, directions, processes)
            points[-1] |= {key: figures[key] for key in figures if key in KEYS}
    return points


def tuned(name: str, seed: int, steps: int, model: Path, runs: Path) -> Path:
    """The model folder of a design's run, which is made where it is missing."""
    run = runs / words(name, seed, steps)
    folder = run / "model"
    if not folder.is_dir():
        config = configured(name, seed, steps)
        generator = opened(model)
        directions = discover(generator, config.discover, progress=False)
        critic = load_discriminator(model)
        made = finetune(generator, run, config, data="scenes", directions=directions, discriminator=critic, progress=False)
        if made.ended != "done":
            raise SystemExit(f"{run}: {made.ended}; the same command goes on")
        write_model_folder(folder, made.generator, {"kept": made.directions})
    return folder


def measured(generator: Generator, directions: Directions, discovery: DiscoverConfig) -> Figures:
    """Fidelity; and of these directions independence and what they do to the true factors."""
    processes = Processes(progress=False)
    reals = RenderedScenes(generator.resolution, seed=1, device=generator.device)
    space = space_of(generator, directions)
    kept = remeasured(space, space.narrow_units(directions.basis).to(generator.device), discovery, processes)
    return {
        "frechet": Fidelity(reals, FidelityConfig(images=IMAGES), processes, seed=1).of(generator),
        **of_directions(generator, kept, processes),
    }


def of_directions(generator: Generator, directions: Directions, processes: Processes) -> Figures:
    """Orthogonality and activity on held-out latents; what the directions do to the true factors."""
    scores = scores_of(generator, directions, 64, seed=1, processes=processes)
    truth = ground_truth(generator, directions, LATENTS, seed=1)
    return {
        "orthogonality": scores.orthogonality,
        "activity": scores.activities.mean().item(),
        "disentanglement": truth.disentanglement,
        "completeness": truth.completeness,
        "unmoved": truth.unmoved,
        "effects": [[round(value, 4) for value in row] for row in truth.effects.tolist()],
    }


def words(name: str, seed: int, steps: int) -> str:
    """What a run's folder is called."""
    return f"{name.replace(' ', '-').replace('/', '-over-').replace(',', '')}-seed-{seed}-steps-{steps}"


if __name__ == "__main__":
    main()
