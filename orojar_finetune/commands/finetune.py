"""`orojar finetune`."""

import dataclasses
import json
import logging
from pathlib import Path

from orojar_adapters.opening.source import RUN_MODEL
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.opened import Opened, open_source
from orojar_finetune.sharing import hub
from orojar_finetune.sharing.model_folder import check_target, named_after
from orojar_finetune.training.estimate import estimate
from orojar_finetune.training.finetuned import Finetuned
from orojar_finetune.training.finetuning import prepare
from orojar_finetune.verbs import Finetune

log = logging.getLogger("orojar")


def run(options: Finetune) -> None:
    """Tunes a generator and writes a model folder."""
    folder = options.output_dir or named_after(options.source, "finetuned")
    if options.push_to_hub and not options.hub_model_id:
        raise ValueError("--push-to-hub needs a place: --hub-model-id user/repo")
    check_target(folder / RUN_MODEL)
    opened = open_source(options.source, options.revision)
    generator = opened.generator()
    check_target(folder / RUN_MODEL, generator)
    if opened.discriminator_problem:
        log.warning("its discriminator is not used: %s", opened.discriminator_problem)
    discriminator = opened.discriminator() if opened.has_discriminator() else None
    tuning = prepare(generator, folder, options.config, options.data, _directions(opened, options), discriminator)
    is_main = tuning.loop.processes.is_main
    if options.dry_run:
        if is_main:
            print(json.dumps(dataclasses.asdict(dataclasses.replace(options, config=tuning.config)), indent=1, default=str))
        found = estimate(tuning.loop)
        if is_main:
            print(found)
        return
    done = tuning.finish(tuning.loop())
    if not is_main:
        return
    done.save(folder / RUN_MODEL)
    _report(done, folder)
    if options.push_to_hub and options.hub_model_id:
        if done.ended == "done":
            pushed = hub.push(folder / RUN_MODEL, options.hub_model_id)
            print(f"Pushed: {pushed.url}")
            if pushed.kept_card:
                print(hub.KEPT)
        else:
            print(f"Not pushed, as the run has not come to its end: orojar push {folder / RUN_MODEL} {options.hub_model_id}")


def _directions(opened: Opened, options: Finetune) -> Directions | None:
    """The set that the source brings along, if any."""
    if not opened.direction_sets:
        if options.direction_set is not None:
            raise ValueError(f"{options.source} has no direction sets, so none called {options.direction_set!r}")
        return None
    return opened.directions(options.direction_set)


def _report(done: Finetuned, folder: Path) -> None:
    print(f"{'':24}{'before':>10}{'after':>10}")
    for name, words in {"frechet": "Fréchet distance", "orthogonality": "off-diagonal cos²", "activity": "activity"}.items():
        print(f"{words:24}{getattr(done.start, name):10.3f}{getattr(done.end, name):10.3f}")
    alone = f" after {done.discriminator_steps} of a new discriminator alone" if done.discriminator_steps else ""
    kept = f", the weights after {done.kept_step} are kept" if done.kept_step < done.steps else ""
    print(f"{done.ended}, {done.steps} steps{alone}{kept}. Wrote {folder / RUN_MODEL}")
    print(f"Edit:  orojar edit {folder / RUN_MODEL}")
