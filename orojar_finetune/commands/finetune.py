"""`orojar finetune`."""

import dataclasses
import json
import logging
from pathlib import Path

from orojar_adapters.opening.source import RUN_MODEL
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.opened import Opened, open_source
from orojar_finetune.measures.findings import title
from orojar_finetune.sharing import hub
from orojar_finetune.sharing.model_folder import check_target, named_after
from orojar_finetune.training.estimate import estimate
from orojar_finetune.training.finetuned import Finetuned
from orojar_finetune.training.finetuning import finish, prepare
from orojar_finetune.verbs import Finetune

log = logging.getLogger("orojar")


def run(options: Finetune) -> None:
    """Fine-tunes a generator, writes a model folder and uploads it if asked to."""
    folder = options.output_dir or named_after(options.source, "finetuned")
    if options.push_to_hub and not options.hub_model_id:
        raise ValueError("--push-to-hub needs a repository: --hub-model-id user/repo")
    check_target(folder / RUN_MODEL)
    opened = open_source(options.source, options.revision)
    generator = opened.generator()
    check_target(folder / RUN_MODEL, generator)
    if opened.discriminator_problem:
        log.warning("the discriminator of %s cannot be used: %s", options.source, opened.discriminator_problem)
    discriminator = opened.discriminator() if opened.has_discriminator() else None
    prepared = prepare(generator, folder, options.config, options.data, _directions(opened, options), discriminator)
    is_main = prepared.loop.processes.is_main
    if options.dry_run:
        resolved = dataclasses.replace(options, config=prepared.config)
        found = estimate(prepared.loop)
        if is_main:
            print(json.dumps(dataclasses.asdict(resolved), indent=1, default=str))
            print(found)
        return
    finetuned = finish(prepared, prepared.loop())
    if is_main:
        finetuned.save(folder / RUN_MODEL, previews=options.previews)
        _report(finetuned, folder)
        _push(options, finetuned, folder / RUN_MODEL)


def _directions(opened: Opened, options: Finetune) -> Directions | None:
    """Returns the requested direction set of the source, or None if it has none."""
    if not opened.direction_sets:
        if options.direction_set is not None:
            raise ValueError(
                f"{options.source} has no direction set {options.direction_set!r}: omit --direction-set to find directions"
            )
        return None
    return opened.directions(options.direction_set, force=options.force)


def _report(finetuned: Finetuned, folder: Path) -> None:
    print(f"{'':24}{'before':>10}{'after':>10}")
    after = finetuned.end.described()
    for name, before in finetuned.start.described().items():
        print(f"{'Fréchet distance' if name == 'frechet' else title(name):24}{before:10.3f}{after[name]:10.3f}")
    steps, alone, kept = finetuned.steps, finetuned.discriminator_steps, finetuned.kept_step
    waited = f" after {alone} steps that trained only a new discriminator" if alone else ""
    best = f", keeping the weights of step {kept}" if kept < steps else ""
    print(f"{finetuned.ended}: {steps} steps{waited}{best}. Wrote {folder / RUN_MODEL}")
    print(f"Edit:  orojar edit {folder / RUN_MODEL}")


def _push(options: Finetune, finetuned: Finetuned, model: Path) -> None:
    """Uploads the model folder if asked to and if the run finished."""
    if not options.push_to_hub or not options.hub_model_id:
        return
    if finetuned.ended != "done":
        print(f"Not pushed, because the run did not finish. To push anyway: orojar push {model} {options.hub_model_id}")
        return
    pushed = hub.push(model, options.hub_model_id, options.hub_private_repo)
    print(f"Pushed: {pushed.url}")
    if pushed.kept_card:
        print(hub.KEPT)
