"""`orojar train`."""

import dataclasses
import json

from orojar_adapters.opening.source import RUN_MODEL
from orojar_finetune.sharing.model_folder import check_target, write_model_folder
from orojar_finetune.training.estimate import estimate
from orojar_finetune.training.from_scratch import prepare
from orojar_finetune.verbs import Train


def run(options: Train) -> None:
    """Trains, or goes on training, and writes a model folder with the averaged generator and the discriminator."""
    target = options.output_dir / RUN_MODEL
    check_target(target)
    config = dataclasses.replace(options.config, gan=options.config.gan.with_rates())
    training = prepare(config, options.data, options.output_dir)
    if options.dry_run:
        if training.loop.processes.is_main:
            print(json.dumps(dataclasses.asdict(dataclasses.replace(options, config=config)), indent=1, default=str))
        found = estimate(training.loop)
        if training.loop.processes.is_main:
            print(found)
        return
    trained = training.finish(training.loop())
    if not training.loop.processes.is_main:
        return
    images = trained.steps * config.run.train_batch_size
    recipe = {name: value for name, value in dataclasses.asdict(config).items() if name != "fidelity"}
    write_model_folder(
        target,
        trained.generator,
        config={"train": {**recipe, "data": options.data}},
        discriminator=trained.discriminator,
        metrics={"train": {"steps": trained.steps, "images": images, **trained.figures, "ended": trained.ended}},
    )
    print(f"{trained.ended}: {trained.steps} steps, {images} images, Fréchet distance {trained.figures['frechet']:.3f}.")
    print(f"Wrote {target}")
