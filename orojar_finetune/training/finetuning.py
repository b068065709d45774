"""The one way in to tuning weights: a generator and directions to a generator whose directions are independent."""

import copy
import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from orojar_adapters import Discriminator, Generator, new_discriminator
from orojar_finetune.config import FinetuneConfig
from orojar_finetune.discovery import discover
from orojar_finetune.discovery.discovering import measured
from orojar_finetune.images.image_data import open_reals
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.measures.held_out import space_of
from orojar_finetune.runtime.draws import rng
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.trackers import flat
from orojar_finetune.training.adversarial import Game
from orojar_finetune.training.checkpoints import begins, resume
from orojar_finetune.training.finetuned import Finetuned
from orojar_finetune.training.independence import Independence, penalised, settles
from orojar_finetune.training.loop import Loop
from orojar_finetune.training.parts import delayed
from orojar_finetune.training.reestimation import found_anew, like, rhythm
from orojar_finetune.training.state import State
from orojar_finetune.training.trainable import choose, resolved, without_adapters
from orojar_finetune.training.validation import Validation

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
    """Tunes a generator's weights so that directions become independent while its images stay what they are.

    The loss is that of a GAN, which keeps the images, plus OroJaR in the coefficients of the directions. Under `accelerate
    launch` the processes share every batch.

    Args:
        generator: stays as it is; a copy is tuned.
        output_dir: of the run: checkpoints, history.jsonl, pictures of validations.
        config: how; None means the defaults.
        data: `none` (samples of the generator itself play the real images), `scenes`, a folder or zip of images, or
            `user/dataset` on the Hub.
        directions: to make independent; None finds some as the config says. Those that do next to nothing are left out
            (`penalty.least_activity`).
        discriminator: the checkpoint's own; None trains a new one first, while the generator waits.
        options: fields of `FinetuneConfig` that replace those of the config, such as `trainable="affine"`.

    Raises:
        ValueError: an option that does not fit this generator, data that cannot be read, or a loss that is no number any
            more (the last good checkpoint is named).
    """
    config = dataclasses.replace(config or FinetuneConfig(), **options)
    tuning = prepare(generator, Path(output_dir), config, data, directions, discriminator, progress)
    return tuning.finish(tuning.loop())


@dataclass
class Tuning:
    """A tuning that is ready to run."""

    loop: Loop
    original: Generator
    validation: Validation
    config: FinetuneConfig
    data: str
    first: int

    def finish(self, ended: str) -> Finetuned:
        """The generator that is kept, and its directions measured on it."""
        state, processes = self.loop.state, self.loop.processes
        kept = state.step
        if self.config.fidelity.keep == "best":
            if state.restore_best():
                kept = state.best_step
            else:
                log.warning("there was no validation within the allowed drift: the last weights are kept")
        directions = self.validation.directions = with_tensors(self.validation.directions, state.running)
        generator, adapter = without_adapters(state.average, self.original, self.config.trainable)
        if adapter is None:  # with one the mean latent stays the base's
            generator.recenter(rng=rng(self.config.run.seed, "recenter"))
        end = self.validation.measure(generator)
        discovery = like(directions, self.config.discover)
        space = space_of(generator, directions)
        final = measured(
            space, space.narrow_units(directions.basis).to(generator.device), discovery, processes, directions.names
        )
        processes.trackers.finish()
        alone = min(state.step, self.first)
        start, steps, kept = self.validation.start, state.step - alone, kept - alone
        features = self.validation.fidelity.features
        return Finetuned(
            generator,
            final,
            state.discriminator,
            start,
            end,
            ended,
            steps,
            kept,
            alone,
            self.config,
            self.data,
            features,
            adapter,
        )


def prepare(
    generator: Generator,
    output_dir: Path,
    config: FinetuneConfig,
    data: str = "none",
    directions: Directions | None = None,
    discriminator: Discriminator | None = None,
    progress: bool = True,
) -> Tuning:
    """Everything up to the first step: directions, real images, discriminator, the start's figures, a checkpoint to go on from.

    Raises:
        ValueError: as `finetune`.
    """
    config, run = resolved(config, generator), config.run
    processes = Processes.of_training(run, output_dir, progress)
    begins(output_dir, run.resume_from_checkpoint)  # what cannot go on is refused before a search of minutes
    original = copy.deepcopy(generator).to(processes.device).eval().requires_grad_(False)
    tuned = copy.deepcopy(original)
    choose(tuned, config.trainable, config.lora_rank, run.seed)
    reals = open_reals(data, original, run.seed, processes.device, config.images, original)
    penalised(original, config.penalty.on)
    critic = _critic(discriminator, tuned, config)
    fidelity = Fidelity(reals, config.fidelity, processes, run.seed)
    directions = _active(directions or discover(original, config.discover, progress=progress), config.penalty.least_activity)
    if config.penalty.weight > 0 and len(directions) < 2:
        raise ValueError(
            "one direction has no other to be independent of: take two or more (--discover.count, --direction-set)"
        )
    first = 0 if discriminator is not None else config.discriminator_steps
    steps = first + run.max_train_steps
    settled = settles(config.penalty, first, steps) if config.penalty.weight > 0 and config.penalty.settle > 0 else None
    validation = Validation(original, fidelity, directions, config.fidelity, processes, output_dir, run.seed, settled, first)
    state = State.start(tuned, critic, config.gan, run.gradient_accumulation_steps)
    state.running |= {"basis": directions.basis.clone(), "sigmas": directions.sigmas.clone(), "asked": directions.basis.clone()}
    state.options = dict(flat(dataclasses.asdict(config))) | {"data": data, "directions": _told(directions)}
    begun = resume(state, output_dir, run.resume_from_checkpoint)
    if begun and not torch.allclose(state.running["asked"], directions.basis, atol=0.01):
        raise ValueError(f"{begun} is of a run with other directions: go on with the same, or choose another --output-dir")
    directions = validation.directions = with_tensors(directions, state.running)
    game = Game(tuned, state.discriminator, reals, config.gan, run.train_batch_size, run.seed, state.running["mean_path"])
    through_mapping = config.penalty.through_mapping or config.trainable == "mapping"
    independence = Independence(tuned, directions, config.penalty, run.seed, game.fixed_noise, through_mapping)
    generator_parts = [delayed(part, first) for part in game.generator_parts()]
    if config.penalty.weight > 0:
        generator_parts.append(independence.part(first, steps))

    every = rhythm(config.penalty.reestimate_every, directions.method)

    def reestimate(state: State) -> None:
        if not every or state.step <= first or (state.step - first) % every:
            return
        whole = without_adapters(state.average, original, config.trainable)[0]
        found = found_anew(validation.directions, whole, config.discover)
        for name, tensor in (("basis", found.basis), ("sigmas", found.sigmas)):
            state.running[name].copy_(tensor)
        validation.directions = found
        independence.use(found)

    loop = Loop(
        state,
        game.discriminator_parts(),
        generator_parts,
        config.gan,
        dataclasses.replace(run, max_train_steps=steps),
        output_dir,
        processes,
        validation,
        reestimate,
    )
    return Tuning(loop, original, validation, config, data, first)


def with_tensors(directions: Directions, running: dict[str, Tensor]) -> Directions:
    """A direction set with the basis and sigmas that run along with a state."""
    return dataclasses.replace(directions, basis=running["basis"].clone(), sigmas=running["sigmas"].clone())


def _told(directions: Directions) -> str:
    return f"{len(directions)} by {directions.method} in {directions.space}"


def _active(directions: Directions, least: float) -> Directions:
    """Those worth a slider; says how many are not."""
    active = directions.active(least)
    if len(active) < len(directions):
        log.warning(
            f"{len(directions) - len(active)} of {len(directions)} directions change images less than {least:g} times as much "
            "as the most active one and are left out (--penalty.least-activity)"
        )
    return active


def _critic(discriminator: Discriminator | None, generator: Generator, config: FinetuneConfig) -> Discriminator:
    """The checkpoint's discriminator, or a new one that is said plainly to be new."""
    if discriminator is not None:
        return copy.deepcopy(discriminator).to(generator.device).requires_grad_(True)
    log.warning(
        f"no discriminator was given: a new one learns for {config.discriminator_steps} steps before the generator moves "
        "(--discriminator-steps)"
    )
    return new_discriminator(generator, config.discriminator_width, config.run.seed).to(generator.device)
