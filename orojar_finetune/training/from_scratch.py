"""Training a generator from nothing."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from orojar_adapters import FAMILIES, Generator
from orojar_adapters.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_finetune import render
from orojar_finetune.config import DataConfig, FidelityConfig, GanConfig, NetworkConfig, RunConfig
from orojar_finetune.training.adversarial import Game
from orojar_finetune.training.draws import rng
from orojar_finetune.training.fidelity import Fidelity
from orojar_finetune.training.image_data import open_reals
from orojar_finetune.training.loop import Loop
from orojar_finetune.training.processes import Processes
from orojar_finetune.training.state import State, resume

SHOWN = tuple(range(48))
"""Seeds of the samples that a validation draws."""
COLUMNS = 8


@dataclass
class Training:
    """A training that is ready to run."""

    loop: Loop
    fidelity: Fidelity

    def finish(self) -> dict[str, float]:
        """Gives the averaged generator its mean latent, and measures it."""
        state, processes = self.loop.state, self.loop.processes
        state.average.recenter(rng=rng(self.loop.run.seed, "recenter"))
        frechet = self.fidelity.of(state.average)
        processes.trackers.finish()
        return {"frechet": frechet}


def prepare(
    network: NetworkConfig,
    gan: GanConfig,
    run: RunConfig,
    images: DataConfig,
    fidelity: FidelityConfig,
    data: str,
    output_dir: Path,
) -> Training:
    """Everything up to the first step, or to the step that a checkpoint stands at.

    Raises:
        ValueError: sizes that the family does not have, data that cannot be read, no such checkpoint.
    """
    processes = Processes(mixed_precision=run.mixed_precision, trackers=run.report_to, folder=output_dir)
    generator, discriminator = networks(network, run.seed)
    generator, discriminator = generator.to(processes.device), discriminator.to(processes.device)
    reals = open_reals(data, generator, run.seed, processes.device, images)
    state = State.start(generator, discriminator, gan, run.gradient_accumulation_steps)
    resume(state, output_dir, run.resume_from_checkpoint)
    comparison = Fidelity(reals, fidelity, processes, run.seed)

    def validate(state: State) -> dict[str, float]:
        if processes.is_main:
            path = output_dir / "validation" / f"step-{state.step:06}.png"
            path.parent.mkdir(exist_ok=True, parents=True)
            made = render.samples(state.average, SHOWN)
            render.grid(made, COLUMNS).save(path)
            processes.trackers.show({"samples": made}, state.step)
        return {"frechet": comparison.of(state.average)}

    game = Game(generator, discriminator, reals, gan, run.train_batch_size, run.seed, state.running["mean_path"])
    parts = game.discriminator_parts(), game.generator_parts()
    processes.trackers.start({"network": dataclasses.asdict(network), "gan": dataclasses.asdict(gan)})
    return Training(Loop(state, *parts, gan, run, output_dir, processes, validate), comparison)


def networks(config: NetworkConfig, seed: int) -> tuple[Generator, StyleGAN2Discriminator]:
    """Networks with weights that depend on the seed alone.

    Raises:
        ValueError: no such family, or sizes that it does not have.
    """
    if config.family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {config.family!r}")
    sizes: dict[str, Any] = {
        "resolution": config.resolution,
        "channels": list(config.channels),
        "latent_size": config.latent_size,
        "w_size": config.w_size,
        "mapping_depth": config.mapping_depth,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = FAMILIES[config.family](**sizes)
        discriminator = StyleGAN2Discriminator(config.resolution, list(config.discriminator_channels))
    return generator, discriminator
