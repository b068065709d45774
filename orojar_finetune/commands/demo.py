"""`orojar demo`."""

import shutil
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from orojar_adapters import Generator, load_discriminator, load_generator
from orojar_adapters.opening.source import RUN_MODEL
from orojar_finetune.config import DiscoverConfig, FidelityConfig, FinetuneConfig, PenaltyConfig, RunConfig
from orojar_finetune.discovery import discover
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.ground_truth import GroundTruth, ground_truth
from orojar_finetune.scenes import BUNDLED, bundled_gan_config
from orojar_finetune.scenes.rendering import FACTORS
from orojar_finetune.sharing.model_folder import check_target
from orojar_finetune.training.finetuned import Finetuned
from orojar_finetune.training.finetuning import finetune
from orojar_finetune.verbs import Demo

SHOWN = ("random", "sefa", "orojar-jd")
TUNED = "orojar-jd, tuned"
LEGEND = """
share:         fraction of the Gram matrix JᵀJ that is off its diagonal, which OroJaR minimizes; 0 is orthogonal
cos²:          mean squared cosine between the changes that two directions make; 0 is orthogonal
activity:      how much one sigma changes the image, over the variance of images; 2 is an unrelated image
disentangled:  whether each direction changes only one of the seven factors of the images; 1 is perfect
complete:      whether each factor is changed by only one direction; 1 is perfect"""


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    directions: Directions
    truth: GroundTruth
    seconds: float


def run(options: Demo) -> None:
    """Finds directions of the bundled generator, fine-tunes it, measures both and writes a model folder."""
    started = time.perf_counter()
    rows, tuned = find_and_finetune(options)
    _write(options, tuned, rows["orojar-jd"], rows[TUNED])
    folder, command = options.output_dir / RUN_MODEL, typed_command()
    print(f"\nWrote {folder} in {time.perf_counter() - started:.0f} s: weights, directions, card, previews")
    print(f"View:   {folder / 'previews'}")
    print(f"Edit:   {command} edit {folder}")
    print(f"Share:  {command} push {folder} USER/REPO")


def find_and_finetune(options: Demo) -> tuple[dict[str, Row], Finetuned]:
    """Finds directions and fine-tunes, printing the table row by row; returns the rows by label and the fine-tune."""
    check_target(options.output_dir / RUN_MODEL)
    generator = load_generator(BUNDLED)
    size = f"{generator.resolution} x {generator.resolution}"
    print(f"Bundled generator: StyleGAN2, {size}, images of one ring on a colored background\n")
    print(f"{'':28}{'share':>8}{'cos²':>8}{'activity':>10}{'disentangled':>14}{'complete':>10}{'seconds':>9}")
    rows: dict[str, Row] = {}
    for method in SHOWN:
        before = time.perf_counter()
        fewer = {"latents": 32} if method == "orojar-jd" else {}
        directions = discover(generator, DiscoverConfig(method, fewer, count=len(FACTORS), seed=options.seed))
        rows[method] = _row(method, generator, directions, options.seed, time.perf_counter() - before)
    config = finetune_config(options)
    before = time.perf_counter()
    directions = rows["orojar-jd"].directions
    tuned = finetune(
        generator,
        options.output_dir,
        config,
        data="scenes",
        directions=directions,
        discriminator=load_discriminator(BUNDLED),
    )
    rows[TUNED] = _row(TUNED, tuned.generator, tuned.directions, options.seed, time.perf_counter() - before)
    print(LEGEND)
    print(f"\nFréchet distance to real scenes: {tuned.start.frechet:.3f} before, {tuned.end.frechet:.3f} after")
    return rows, tuned


def finetune_config(options: Demo) -> FinetuneConfig:
    """Returns the options of a short fine-tune, which takes minutes on one core."""
    steps = options.steps
    return FinetuneConfig(
        penalty=PenaltyConfig(warmup_steps=steps // 4, anneal=0.0),  # too short to anneal
        fidelity=FidelityConfig(images=1024, latents=16, keep="last"),
        gan=replace(bundled_gan_config(), ema_rampup=0.3),  # the default averages too little in so few steps
        run=RunConfig(
            max_train_steps=steps,
            seed=options.seed,
            validation_steps=steps,
            checkpointing_steps=steps,
            checkpoints_total_limit=1,
            resume_from_checkpoint="latest",
        ),
    )


def _row(label: str, generator: Generator, directions: Directions, seed: int, seconds: float) -> Row:
    truth, scores = ground_truth(generator, directions, seed=seed), directions.scores
    print(
        f"{label:28}{scores['off_diagonal_share']:8.3f}{scores['off_diagonal_cos2']:8.3f}{scores['activity']:10.3f}"
        f"{truth.disentanglement:14.3f}{truth.completeness:10.3f}{seconds:9.1f}",
        flush=True,
    )
    return Row(directions, truth, seconds)


def _write(options: Demo, tuned: Finetuned, before: Row, after: Row) -> None:
    figures = {
        name: {**asdict(found), "disentanglement": row.truth.disentanglement, "completeness": row.truth.completeness}
        for name, found, row in (("start", tuned.start, before), ("end", tuned.end, after))
    }
    tuned.save(options.output_dir / RUN_MODEL, {**tuned.metrics, **figures})


def typed_command() -> str:
    """Returns the command to type: `orojar`, or its full path if it is not on PATH."""
    called = sys.argv[0]
    return called if Path(called).name == "orojar" and shutil.which("orojar") is None else "orojar"
