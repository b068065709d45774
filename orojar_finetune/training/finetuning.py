"""Fine-tunes a pretrained generator so that its directions become independent."""

import copy
import dataclasses
import logging
from pathlib import Path
from typing import Any

from orojar_adapters import Discriminator, Generator, new_discriminator
from orojar_finetune.config import FinetuneConfig
from orojar_finetune.discovery import discover
from orojar_finetune.discovery.discovering import remeasured
from orojar_finetune.latents.directions import Directions
from orojar_finetune.training.finetuned import Finetuned
from orojar_finetune.training.preparation import Run, begin, build_run, with_tensors
from orojar_finetune.training.reestimation import search_again, search_interval
from orojar_finetune.training.trainable import choose, resolved, without_adapters

log = logging.getLogger("orojar")


def finetune(
    generator: Generator,
    output_dir: str | Path,
    config: FinetuneConfig | None = None,
    *,
    data: str = "none",
    directions: Directions | None = None,
    discriminator: Discriminator | None = None,
    progress: bool = True,
    **options: Any,
) -> Finetuned:
    """Trains a generator's weights so that directions become independent while its images stay as good.

    The loss is a GAN loss, which preserves the images, plus OroJaR in the coefficients of the directions. Under `accelerate
    launch` the processes share every batch.

    Args:
        generator: stays as it is; a copy is trained.
        output_dir: of the run: checkpoints, history.jsonl, pictures of validations.
        config: None means the defaults.
        data: real images: `none` (samples from the frozen generator), `scenes`, a folder or zip of images, or `user/dataset` on
            the Hub.
        directions: to make independent; None searches as the config says. Those that barely change the image are dropped
            (`penalty.least_activity`).
        discriminator: the checkpoint's own; None trains a new one first, before the generator.
        options: fields of `FinetuneConfig` that replace those of the config, such as `trainable="affine"`.

    Raises:
        ValueError: an option does not fit this generator, the data cannot be read, or a loss is NaN or infinite (the message
            names the last good checkpoint).
    """
    config = dataclasses.replace(config or FinetuneConfig(), **options)
    run = prepare(generator, Path(output_dir), config, data, directions, discriminator, progress)
    return finish(run, run.loop())


def prepare(
    generator: Generator,
    output_dir: Path,
    config: FinetuneConfig,
    data: str = "none",
    directions: Directions | None = None,
    discriminator: Discriminator | None = None,
    progress: bool = True,
) -> Run:
    """Returns a fine-tune that is ready to train; arguments and errors as in `finetune`."""
    config = resolved(config, generator)
    processes = begin(config.run, output_dir, progress)
    original = copy.deepcopy(generator).to(processes.device).eval().requires_grad_(False)
    trained = copy.deepcopy(original)
    choose(trained, config.trainable, config.rank, config.run.seed)
    steps = 0 if discriminator is not None else config.discriminator_steps
    method = config.discover.method if directions is None else directions.method
    on_the_same_layers = directions is None or len(set(directions.layers)) == 1  # as those of one search are

    def find_directions() -> Directions:
        found = _active(directions or discover(original, config.search, progress=progress), config.penalty.least_activity)
        if config.penalty.weight > 0 and len(found) < 2:
            raise ValueError("a single direction has no other to be independent of: use at least two (--discover.count)")
        return found

    def search(current: Directions, averaged: Generator) -> Directions:
        return search_again(current, without_adapters(averaged, original, config.trainable)[0], config.search)

    return build_run(
        config,
        data,
        output_dir,
        processes,
        trained,
        _starting_discriminator(discriminator, trained, config),
        find_directions,
        original=original,
        discriminator_steps=steps,
        through_mapping=config.trainable == "mapping",
        search=search,
        search_every=search_interval(config.penalty.reestimate_every, method) if on_the_same_layers else 0,
    )


def finish(run: Run, ended: str) -> Finetuned:
    """Returns the generator that is kept and its directions, measured on it.

    Args:
        run: as `prepare` returned it, trained.
        ended: what its loop returned.
    """
    state, validation, config, first = run.loop.state, run.validation, run.config, run.discriminator_steps
    assert isinstance(config, FinetuneConfig)
    assert run.original is not None
    assert validation.directions is not None
    assert validation.selection is not None
    kept_step = state.step
    if config.fidelity.keep == "best":
        if state.restore_best():
            kept_step = state.best_step
        else:
            log.warning("no validation was within the allowed drift: keeping the last weights")
    directions = validation.directions = with_tensors(validation.directions, state.running)
    generator, adapter = without_adapters(state.average, run.original, config.trainable)
    if adapter is None:  # with one, the mean latent stays the base's
        run.recenter(generator)
    directions = remeasured(generator, directions, config.run.seed, run.loop.processes)
    alone = min(state.step, first)
    return Finetuned(
        generator=generator,
        directions=directions,
        discriminator=state.discriminator,
        adapter=adapter,
        start=validation.selection.start,
        end=run.finish(generator, directions.scores),
        ended=ended,
        steps=state.step - alone,
        kept_step=kept_step - alone,
        discriminator_steps=alone,
        config=config,
        data=run.data,
        features=validation.fidelity.features,
    )


def _active(directions: Directions, least: float) -> Directions:
    """Drops directions that barely change the image, and reports how many were dropped."""
    active = directions.active(least)
    if len(active) < len(directions):
        log.warning(
            f"dropped {len(directions) - len(active)} of {len(directions)} directions, which change images less than {least:g} "
            "times as much as the most active one (penalty.least_activity)"
        )
    return active


def _starting_discriminator(given: Discriminator | None, generator: Generator, config: FinetuneConfig) -> Discriminator:
    """Returns a copy of the checkpoint's discriminator, or a new one."""
    if given is not None:
        return copy.deepcopy(given).to(generator.device).requires_grad_(True)
    log.warning(f"no discriminator to start from: training a new one alone for {config.discriminator_steps} steps first")
    return new_discriminator(generator, config.discriminator_width, config.run.seed).to(generator.device)
