"""Everything between the options and the first step, for a fine-tune as for training from scratch."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from orojar_adapters import Discriminator, Generator
from orojar_finetune.config import FidelityConfig, FinetuneConfig, RunConfig, TrainConfig
from orojar_finetune.images.opening import open_real_images
from orojar_finetune.images.real_images import RealImages
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

Search = Callable[[Directions, Generator], Directions]
"""Finds a direction set again on another generator."""


@dataclass(frozen=True)
class Setting:
    """What a run has before its directions are known.

    Attributes:
        config: with everything filled in.
        data: the real images, as asked for.
        folder: of the run.
        original: the frozen generator of a fine-tune.
    """

    config: FinetuneConfig | TrainConfig
    data: str
    folder: Path
    processes: Processes
    real_images: RealImages
    fidelity: Fidelity
    original: Generator | None = None


@dataclass
class Run:
    """A run that is ready to train.

    Attributes:
        setting: what it was built from.
        discriminator_steps: steps at its start in which a new discriminator trains alone.
    """

    setting: Setting
    loop: Loop
    validation: Validation
    discriminator_steps: int = 0

    def finish(self, generator: Generator, recenter: bool = True) -> Figures:
        """Returns the figures of the generator that is kept.

        Args:
            recenter: sets its mean latent first, which moved with its weights.
        """
        if recenter:
            generator.recenter(rng=rng(self.setting.config.run.seed, "recenter"))
        figures = self.validation.measure(generator)
        self.setting.processes.trackers.finish()
        return figures


def begin(run: RunConfig, folder: Path, progress: bool = True) -> Processes:
    """Returns the processes of a run; what cannot be resumed is refused here, before anything takes minutes.

    Raises:
        ValueError: there is no such checkpoint, an earlier run is not resumed, or a tracker is not installed.
    """
    processes = Processes.of_training(run, folder, progress)
    starting_checkpoint(folder, run.resume_from_checkpoint)
    return processes


def prepare_setting(
    config: FinetuneConfig | TrainConfig,
    data: str,
    folder: Path,
    processes: Processes,
    generator: Generator,
    original: Generator | None = None,
) -> Setting:
    """Opens the real images, and checks what the penalty is to be computed on.

    Raises:
        ValueError: the data cannot be read or does not fit the generator, or unknown features or outputs.
    """
    real_images = open_real_images(data, generator, config.run.seed, processes.device, config.images, original)
    if config.penalty.weight > 0:
        penalized_outputs(generator, config.penalty.on)
    fidelity = Fidelity(real_images, config.fidelity, processes, config.run.seed)
    return Setting(config, data, folder, processes, real_images, fidelity, original)


def build_run(
    setting: Setting,
    generator: Generator,
    discriminator: Discriminator,
    directions: Directions | None,
    *,
    discriminator_steps: int = 0,
    through_mapping: bool = False,
    search: Search | None = None,
    search_every: int = 0,
) -> Run:
    """Returns a run that is ready to train, from its start or from a checkpoint.

    Args:
        generator: to train; weights that need no gradients stay fixed.
        directions: to penalize and measure; None trains a plain GAN.
        discriminator_steps: steps at the start in which the discriminator trains alone.
        through_mapping: whether the penalty reaches the mapping network through latents w.
        search: finds the directions again while the weights train.
        search_every: steps between two searches; 0 never.

    Raises:
        ValueError: a checkpoint of another run.
    """
    config, run, processes, first = setting.config, setting.config.run, setting.processes, discriminator_steps
    end, batch = first + run.max_train_steps, run.effective_batch(processes.count)
    validation = Validation(setting.fidelity, directions, config.fidelity, processes, setting.folder, run.seed)
    penalized = directions is not None and config.penalty.weight > 0
    if setting.original is not None and isinstance(config.fidelity, FidelityConfig):
        annealed_from = anneal_start(config.penalty, first, end) if penalized and config.penalty.anneal > 0 else None
        start = validation.measure(setting.original)
        validation.selection = Selection(start, config.fidelity.max_drift, annealed_from, first)
    state = State.start(generator, discriminator, config.gan, run.gradient_accumulation_steps)
    state.options = dict(flat(dataclasses.asdict(config))) | {"data": setting.data, "effective_batch": batch}
    if directions is not None:
        state.options |= {"directions": f"{len(directions)} by {directions.method} in {directions.space}"}
        state.running |= {"basis": directions.basis.clone(), "sigmas": directions.sigmas.clone()}
        state.running |= {"searched": directions.basis.clone()}
    resumed = resume(state, setting.folder, run.resume_from_checkpoint)
    if directions is not None:
        if resumed and not torch.allclose(state.running["searched"], directions.basis, atol=0.01):
            raise ValueError(
                f"{resumed} is of a run with other directions: resume it with the same ones, or choose another --output-dir"
            )
        directions = validation.directions = with_tensors(directions, state.running)
    gan = GANLoss(generator, state.discriminator, setting.real_images, config.gan, batch, run.seed)
    generator_terms = [delayed(term, first) for term in gan.generator_terms()]
    penalty = None
    if directions is not None and penalized:
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
        setting.folder,
        processes,
        validation,
        search_when_due if search_every else None,
    )
    return Run(setting, loop, validation, first)


def with_tensors(directions: Directions, running: dict[str, Tensor]) -> Directions:
    """Returns a direction set with the basis and sigmas of a state."""
    return dataclasses.replace(directions, basis=running["basis"].clone(), sigmas=running["sigmas"].clone())
