"""Training a generator from nothing."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orojar_adapters import Discriminator, Generator, new_networks
from orojar_finetune.config import NetworkConfig, TrainConfig
from orojar_finetune.images import render
from orojar_finetune.images.image_data import open_reals
from orojar_finetune.measures.coordinates import latent_axes
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.measures.held_out import scores_of
from orojar_finetune.runtime.draws import rng
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.trackers import flat
from orojar_finetune.training.adversarial import Game
from orojar_finetune.training.checkpoints import begins, resume
from orojar_finetune.training.independence import Independence
from orojar_finetune.training.loop import Loop
from orojar_finetune.training.state import State

SHOWN = tuple(range(48))
"""Seeds of the samples that a validation draws."""
COLUMNS = 8


@dataclass(frozen=True)
class Trained:
    """What a training gives.

    Attributes:
        generator: the averaged weights.
        discriminator: for whoever goes on.
        figures: Fréchet distance; with a penalty also orthogonality and activity of the coordinates of z.
        ended: `done` or `interrupted`.
        steps: of both networks.
    """

    generator: Generator
    discriminator: Discriminator
    figures: dict[str, float]
    ended: str
    steps: int


def train(output_dir: str | Path, config: TrainConfig | None = None, *, data: str = "scenes", **options: Any) -> Trained:
    """Trains a generator from nothing; with a penalty its coordinates of z become independent on the way, as in the paper.

    Under `accelerate launch` the processes share every batch.

    Args:
        output_dir: of the run: checkpoints, history.jsonl, pictures of validations.
        config: how; None means the defaults.
        data: `scenes`, a folder or zip of images, or `user/dataset` on the Hub.
        options: fields of `TrainConfig` that replace those of the config, such as `network=NetworkConfig(resolution=32)`.

    Raises:
        ValueError: sizes that the family does not have, data that cannot be read, no such checkpoint, or a loss that is no
            number any more (the last good checkpoint is named).
    """
    training = prepare(dataclasses.replace(config or TrainConfig(), **options), data, Path(output_dir))
    return training.finish(training.loop())


@dataclass
class Training:
    """A training that is ready to run."""

    loop: Loop
    measure: Callable[[Generator], dict[str, float]]

    def finish(self, ended: str) -> Trained:
        """Gives the averaged generator its mean latent, and measures it."""
        state, processes = self.loop.state, self.loop.processes
        state.average.recenter(rng=rng(self.loop.run.seed, "recenter"))
        figures = self.measure(state.average)
        processes.trackers.finish()
        return Trained(state.average, state.discriminator, figures, ended, state.step)


def prepare(config: TrainConfig, data: str, output_dir: Path) -> Training:
    """Everything up to the first step, or to the step that a checkpoint stands at.

    Raises:
        ValueError: sizes that the family does not have, data that cannot be read, no such checkpoint.
    """
    run = config.run
    processes = Processes.of_training(run, output_dir)
    begins(output_dir, run.resume_from_checkpoint)
    generator, discriminator = networks(config.network, run.seed)
    generator, discriminator = generator.to(processes.device), discriminator.to(processes.device)
    reals = open_reals(data, generator, run.seed, processes.device, config.images)
    state = State.start(generator, discriminator, config.gan, run.gradient_accumulation_steps)
    state.options = {**dict(flat(dataclasses.asdict(config))), "data": data}
    resume(state, output_dir, run.resume_from_checkpoint)
    game = Game(generator, discriminator, reals, config.gan, run.train_batch_size, run.seed, state.running["mean_path"])
    generator_parts = game.generator_parts()
    axes = latent_axes(generator)
    if config.penalty.weight > 0:
        independence = Independence(generator, axes, config.penalty, run.seed, game.fixed_noise)
        generator_parts.append(independence.part(0, run.max_train_steps))
    fidelity = Fidelity(reals, config.fidelity, processes, run.seed)

    def measure(generator: Generator) -> dict[str, float]:
        figures = {"frechet": fidelity.of(generator)}
        if config.penalty.weight > 0:
            found = scores_of(generator, axes, config.fidelity.latents, run.seed, processes)
            figures |= {"orthogonality": found.orthogonality, "activity": found.activities.mean().item()}
        return figures

    def validate(state: State) -> dict[str, float]:
        if processes.is_main:
            path = output_dir / "validation" / f"step-{state.step:06}.png"
            path.parent.mkdir(exist_ok=True, parents=True)
            made = render.samples(state.average, SHOWN)
            render.grid(made, COLUMNS).save(path)
            processes.trackers.show({"samples": render.to_bytes(made)}, state.step)
        return measure(state.average)

    loop = Loop(state, game.discriminator_parts(), generator_parts, config.gan, run, output_dir, processes, validate)
    return Training(loop, measure)


def networks(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Networks with weights that depend on the seed alone.

    Raises:
        ValueError: no such family, or sizes that it does not have.
    """
    sizes = {name: value for name, value in dataclasses.asdict(config).items() if name != "family"}
    return new_networks(config.family, sizes | {"channels": list(config.channels)}, config.discriminator_channels, seed)
