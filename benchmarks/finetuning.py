"""What fine-tuning with the penalty does to the bundled generator, against control runs of the same length without it.

python benchmarks/finetuning.py run --seeds 0 1 2           every row of the README's table: about an hour a run on one thread
    --designs default control    some of the rows
    --runs FOLDER      where the runs live; a run that was interrupted resumes from its last checkpoint
    --share 0/2        this process's share of the runs, to use several at once; `report` then collects all
python benchmarks/finetuning.py report --runs FOLDER        prints the table and writes benchmarks/results/finetuning.json from
                                                            these runs and those that are in the results already
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from finetuning_designs import DESIGNS, configured, control_of
from finetuning_report import KEYS, report
from orojar_adapters import Generator, load_discriminator
from orojar_finetune import Directions, FinetuneConfig, discover, finetune, load_generator, write_model_folder
from orojar_finetune.config import FidelityConfig
from orojar_finetune.discovery.discovering import remeasured
from orojar_finetune.images.real_images import RenderedScenes
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.measures.ground_truth import ground_truth
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.scenes import BUNDLED
from results import device, once

IMAGES = 8192
"""On each side of a Fréchet distance."""
Figures = dict[str, Any]


def main() -> None:
    """Runs designs, or reports what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS), default=list(DESIGNS))
    parser.add_argument("--steps", type=int, default=FinetuneConfig().run.max_train_steps)
    parser.add_argument("--model", type=Path, default=BUNDLED)
    parser.add_argument("--runs", type=Path, default=Path("finetuning-runs"))
    parser.add_argument("--share", default="0/1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "report":
        report(options.runs)
        return
    mine, of = map(int, options.share.split("/"))
    for seed, name in [(seed, name) for seed in options.seeds for name in options.designs][mine::of]:
        path = options.runs / folder_name(name, seed, options.steps) / "measured.json"
        found = once(path, lambda n=name, s=seed: judged(n, s, options.steps, options.model, options.runs))
        print(f"{name:24} seed {seed}: " + ", ".join(f"{key} {found['end'][key]:.4f}" for key in KEYS), flush=True)


def judged(name: str, seed: int, steps: int, model: Path, runs: Path) -> Figures:
    """A design, its control and the start, on the same held-out latents, each in its own sigmas.

    Start and control are measured along the directions of the start, the design along those that it ended with: for a control
    these are directions found on it anew.
    """
    config = configured(name, seed, steps)
    end, control = (tuned(each, seed, steps, model, runs) for each in (name, control_of(name)))
    found = discover(opened(model), config.search, progress=False).active(config.penalty.least_activity)

    def along(directions: Directions, folder: Path, place: Path) -> Figures:
        return once(place / f"{label(directions)}.json", lambda: measured(opened(folder), directions))

    return {
        "design": name,
        "seed": seed,
        "steps": steps,
        "directions": label(found),
        "device": device(),
        "start": along(found, model, runs / f"start-seed-{seed}"),
        "control": along(found, control, control / "measured"),
        "end": along(Directions.load(end), end, end / "measured"),
    }


def label(directions: Directions) -> str:
    """A name that differs between direction sets."""
    return f"{len(directions)}-in-{directions.space}-{directions.digest}"


def opened(folder: Path) -> Generator:
    """A generator where this process computes."""
    return load_generator(folder).to(Processes(progress=False).device)


def tuned(name: str, seed: int, steps: int, model: Path, runs: Path) -> Path:
    """The model folder of a design's run, which is trained if it is missing."""
    run = runs / folder_name(name, seed, steps)
    folder = run / "model"
    if not folder.is_dir():
        config = configured(name, seed, steps)
        generator = opened(model)
        directions = discover(generator, config.search, progress=False)
        discriminator = load_discriminator(model)
        made = finetune(
            generator, run, config, data="scenes", directions=directions, discriminator=discriminator, progress=False
        )
        if made.ended != "done":
            raise SystemExit(f"{run}: {made.ended}; the same command goes on")
        write_model_folder(folder, made.generator, {"kept": made.directions})
    return folder


def measured(generator: Generator, directions: Directions) -> Figures:
    """Fidelity, the scores of these directions on held-out latents, and what they do to the true factors."""
    processes = Processes(progress=False)
    real_images = RenderedScenes(generator.resolution, seed=1, device=generator.device)
    kept = remeasured(generator, directions, 1, processes)
    truth = ground_truth(generator, kept, seed=1)
    return {
        "frechet": Fidelity(real_images, FidelityConfig(images=IMAGES), processes, seed=1).of(generator),
        **kept.scores,
        "disentanglement": truth.disentanglement,
        "completeness": truth.completeness,
        "unmoved": truth.unmoved,
        "effects": [[round(value, 4) for value in row] for row in truth.effects.tolist()],
    }


def folder_name(name: str, seed: int, steps: int) -> str:
    """The name of a run's folder."""
    return f"{name.replace(' ', '-').replace(',', '')}-seed-{seed}-steps-{steps}"


if __name__ == "__main__":
    main()
