"""Prepares a run, from its options to its first step, for fine-tuning and for training from scratch."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from orojar_adapters import Discriminator, Generator
from orojar_finetune.config import FinetuneConfig, RunConfig, TrainConfig
from orojar_finetune.images.opening import open_real_images
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.runtime.trackers import flat
from orojar_finetune.training.checkpoints import resume, starting_checkpoint
from orojar_finetune.training.gan_loss import GANLoss
from orojar_finetune.training.jacobian_penalty import JacobianPenalty, anneal_start, penalized_outputs
from orojar_finetune.training.loop import Loop
from orojar_finetune.training.loss_terms import delayed
from orojar_finetune.training.state import State
from orojar_finetune.training.validation import Figures, Selection, Validation


@dataclass
class Run:
    """A run that is ready to train.

    Attributes:
        config: with everything filled in.
        data: the real images, as asked for.
        discriminator_steps: steps at the start in which a new discriminator trains alone.
        original: the frozen generator of a fine-tune.
    """

    loop: Loop
    validation: Validation
    config: FinetuneConfig | TrainConfig
    data: str
    discriminator_steps: int = 0
    original: Generator | None = None

    def recenter(self, generator: Generator) -> None:
        """Recomputes the mean latent of the generator that is kept, since its weights have changed."""
        generator.recenter(rng=rng(self.config.run.seed, "recenter"))

    def finish(self, generator: Generator, scores: dict[str, float]) -> Figures:
        """Returns the figures of the generator that is kept.

        Args:
            scores: of its directions.
        """
        figures = Figures(self.validation.fidelity.of(generator), **scores)
        self.loop.processes.trackers.finish()
        return figures


def begin(run: RunConfig, folder: Path, progress: bool = True) -> Processes:
    """Returns the processes of a run, after checking that it can be resumed, before anything takes minutes.

    Raises:
        ValueError: there is no such checkpoint, an earlier run is not resumed, or a tracker is not installed.
    """
    processes = Processes.of_training(run, folder, progress)
    starting_checkpoint(folder, run.resume_from_checkpoint)
    return processes


def build_run(
    config: FinetuneConfig | TrainConfig,
    data: str,
    folder: Path,
    processes: Processes,
    generator: Generator,
    discriminator: Discriminator,
    find_directions: Callable[[], Directions | None],
    *,
    original: Generator | None = None,
    discriminator_steps: int = 0,
    through_mapping: bool = False,
    search: Callable[[Directions, Generator], Directions] | None = None,
    search_every: int = 0,
) -> Run:
    """Returns a run that is ready to train, from its start or from a checkpoint.

    Args:
        config: with everything filled in.
        generator: to train; weights that need no gradients stay fixed.
        find_directions: returns the directions to penalize and measure, None for a plain GAN; called once the options and the
            real images are known to be fine, since a search takes minutes.
        original: the frozen generator of a fine-tune.
        discriminator_steps: steps at the start in which the discriminator trains alone.
        through_mapping: whether the penalty reaches the mapping network through latents w.
        search: finds directions again on the averaged generator.
        search_every: steps between two searches; 0 never searches again.

    Raises:
        ValueError: data or options that do not fit the generator, or a checkpoint of another run.
    """
    run, first, batch = config.run, discriminator_steps, config.run.effective_batch(processes.count)
    end = first + run.max_train_steps
    real_images = open_real_images(data, generator, run.seed, processes.device, config.images, original)
    if config.penalty.weight > 0:
        penalized_outputs(generator, config.penalty.on)
    fidelity = Fidelity(real_images, config.fidelity, processes, run.seed)
    directions = find_directions()
    validation = Validation(fidelity, directions, config.fidelity, processes, folder, run.seed)
    if original is not None:
        validation.selection = _selection(config, validation.measure(original), first, end)
    state = State.start(generator, discriminator, config.gan, run.gradient_accumulation_steps)
    state.options = dict(flat(dataclasses.asdict(config))) | {"data": data, "effective_batch": batch}
    if directions is not None:
        directions = validation.directions = _resumed_directions(directions, state, folder, run)
    else:
        resume(state, folder, run.resume_from_checkpoint)
    gan = GANLoss(generator, state.discriminator, real_images, config.gan, batch, run.seed)
    generator_terms = [delayed(term, first) for term in gan.generator_terms()]
    penalty = None
    if directions is not None and config.penalty.weight > 0:
        penalty = JacobianPenalty(generator, directions, config.penalty, run.seed, gan.fixed_noise, through_mapping)
        generator_terms.append(penalty.term(first, end))

    def search_when_due(state: State) -> None:
        current, done = validation.directions, state.step - first
        if current is None or search is None or done <= 0 or done % search_every:
            return
        found = validation.directions = search(current, state.average)
        for name, tensor in (("basis", found.basis), ("sigmas", found.sigmas)):
            state.running[name].copy_(tensor)
        if penalty is not None:
            penalty.use(found)

    loop = Loop(
        state,
        gan.discriminator_terms(),
        generator_terms,
        config.gan,
        dataclasses.replace(run, max_train_steps=end),
        folder,
        processes,
        validation,
        search_when_due if search_every else None,
    )
    return Run(loop, validation, config, data, first, original)


def _selection(config: FinetuneConfig | TrainConfig, start: Figures, first: int, end: int) -> Selection:
    assert isinstance(config, FinetuneConfig)
    annealed = config.penalty.weight > 0 and config.penalty.anneal > 0
    annealed_from = anneal_start(config.penalty, first, end) if annealed else None
    return Selection(start, config.fidelity.max_drift, annealed_from, first)


def _resumed_directions(directions: Directions, state: State, folder: Path, run: RunConfig) -> Directions:
    """Resumes a state, if wanted, and returns the directions with its basis and sigmas.

    Raises:
        ValueError: as in `resume`, or the checkpoint is of a run with other directions.
    """
    state.options |= {"directions": f"{len(directions)} by {directions.method} in {directions.space}"}
    state.running |= {"basis": directions.basis.clone(), "sigmas": directions.sigmas.clone()}
    state.running |= {"searched": directions.basis.clone()}
    path = resume(state, folder, run.resume_from_checkpoint)
    if path and not torch.allclose(state.running["searched"], directions.basis, atol=0.01):
        raise ValueError(f"{path} is of a run with other directions: use the same ones, or choose another --output-dir")
    return with_tensors(directions, state.running)


def with_tensors(directions: Directions, running: dict[str, Tensor]) -> Directions:
    """Returns a direction set with the basis and sigmas of a state."""
    return dataclasses.replace(directions, basis=running["basis"].clone(), sigmas=running["sigmas"].clone())
