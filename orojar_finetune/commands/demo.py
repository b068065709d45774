"""`orojar demo`."""

import shutil
import sys
import time
from pathlib import Path

from orojar_adapters import load_generator
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.directions import Directions
from orojar_finetune.discovery import discover
from orojar_finetune.model_folder import check_target, write_model_folder
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.verbs import Demo

SHOWN = ("random", "sefa", "orojar", "orojar-jd")


def run(options: Demo) -> None:
    """Finds directions of the bundled generator by four methods, prints how they compare, writes a model folder."""
    check_target(options.output_dir)
    started = time.perf_counter()
    generator = load_generator(BUNDLED)
    print(f"Bundled generator: StyleGAN2, {generator.resolution} x {generator.resolution}, pictures of one coloured shape")
    print("Directions in w by four methods, measured on 64 latents that none of them saw:\n")
    print(f"{'method':12}{'off-diagonal cos²':>20}{'activity':>12}{'seconds':>10}")
    found: dict[str, Directions] = {}
    for method in SHOWN:
        before = time.perf_counter()
        found[method] = discover(generator, DiscoverConfig(method=method, seed=options.seed))
        scores, seconds = found[method].scores, time.perf_counter() - before
        print(f"{method:12}{scores['orthogonality']:20.3f}{scores['activity']:12.3f}{seconds:10.1f}")
    print("\noff-diagonal cos²: how alike the changes of two directions are, 0 is independent")
    print("activity: how much a step of one sigma changes the picture, 2 is another picture")
    kept = {"orojar-jd": found["orojar-jd"], "orojar": found["orojar"], "sefa": found["sefa"]}
    write_model_folder(options.output_dir, generator, kept, {"demo": {"seed": options.seed}})
    print(f"\nWrote {options.output_dir} in {time.perf_counter() - started:.0f} s: weights, directions, card, previews")
    print(f"Look:   {options.output_dir / 'previews'}")
    command = typed_command()
    print(f"Edit:   {command} edit {options.output_dir}")
    print(f"Share:  {command} push {options.output_dir} USER/REPO")


def typed_command() -> str:
    """How `orojar` is called from here: by its path where it is on none of the shell's."""
    called = sys.argv[0]
    return called if Path(called).name == "orojar" and shutil.which("orojar") is None else "orojar"
