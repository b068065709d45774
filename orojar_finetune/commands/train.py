"""`orojar train`."""

import dataclasses
import json

from orojar_finetune.commands.finetune import MODEL
from orojar_finetune.model_folder import check_target, write_model_folder
from orojar_finetune.training.estimate import estimate
from orojar_finetune.training.from_scratch import prepare
from orojar_finetune.verbs import Train


def run(options: Train) -> None:
    """Trains, or goes on training, and writes a model folder with the averaged generator and the discriminator."""
    target = options.output_dir / MODEL
    check_target(target)
    training = prepare(
        options.network, options.gan, options.run, options.images, options.fidelity, options.data, options.output_dir
    )
    if options.dry_run:
        found = estimate(training.loop)
        if training.loop.processes.is_main:
            print(json.dumps(dataclasses.asdict(options), indent=1, default=str))
            print(found)
        return
    ended = training.loop()
    state, figures = training.loop.state, training.finish()
    if not training.loop.processes.is_main:
        return
    recipe = {name: dataclasses.asdict(getattr(options, name)) for name in ("network", "gan", "run", "images")}
    images = state.step * options.run.train_batch_size
    write_model_folder(
        target,
        state.average,
        config={"train": {**recipe, "data": options.data}},
        discriminator=state.discriminator,
        metrics={"train": {"steps": state.step, "images": images, **figures, "ended": ended}},
    )
    print(f"{ended}: {state.step} steps, {images} images, Fréchet distance {figures['frechet']:.3f}. Wrote {target}")
