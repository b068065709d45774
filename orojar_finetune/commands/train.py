"""`orojar train`."""

import dataclasses
import json

from orojar_adapters.opening.source import RUN_MODEL
from orojar_finetune.sharing.model_folder import check_target, write_model_folder
from orojar_finetune.training.estimate import estimate
from orojar_finetune.training.from_scratch import finish, prepare
from orojar_finetune.verbs import Train


def run(options: Train) -> None:
    """Trains a generator from scratch, or resumes a run, and writes a model folder with generator and discriminator."""
    target = options.output_dir / RUN_MODEL
    check_target(target)
    prepared = prepare(options.config, options.data, options.output_dir)
    is_main = prepared.loop.processes.is_main
    if options.dry_run:
        resolved = dataclasses.replace(options, config=prepared.config)
        found = estimate(prepared.loop)
        if is_main:
            print(json.dumps(dataclasses.asdict(resolved), indent=1, default=str))
            print(found)
        return
    trained = finish(prepared, prepared.loop())
    if not is_main:
        return
    images = trained.steps * trained.batch
    recipe = {name: value for name, value in dataclasses.asdict(trained.config).items() if name != "fidelity"}
    write_model_folder(
        target,
        trained.generator,
        config={"train": {**recipe, "data": options.data}},
        discriminator=trained.discriminator,
        metrics={
            "train": {"steps": trained.steps, "images": images, **trained.figures.described(), "ended": trained.ended},
        },
        previews=options.previews,
    )
    print(f"{trained.ended}: {trained.steps} steps, {images} images, Fréchet distance {trained.figures.frechet:.3f}.")
    print(f"Wrote {target}")
