"""`orojar train`."""

import dataclasses
from typing import Any

import torch

from orojar_adapters import FAMILIES, Generator
from orojar_adapters.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_finetune import render
from orojar_finetune.config import NetworkConfig
from orojar_finetune.model_folder import write_model_folder
from orojar_finetune.training import state as states
from orojar_finetune.training.adversarial import Game
from orojar_finetune.training.loop import Loop
from orojar_finetune.training.processes import Processes
from orojar_finetune.training.reals import RenderedScenes
from orojar_finetune.training.state import State
from orojar_finetune.verbs import Train

SEEDS = tuple(range(48))


def run(options: Train) -> None:
    """Trains, or goes on training, and writes the averaged generator with its discriminator."""
    processes = Processes(mixed_precision=options.run.mixed_precision)
    generator, discriminator = networks(options.network, options.run.seed)
    generator, discriminator = generator.to(processes.device), discriminator.to(processes.device)
    state = State.start(generator, discriminator, options.gan, options.run.gradient_accumulation_steps)
    if options.run.resume_from_checkpoint is not None:
        checkpoint = states.chosen(options.output_dir, options.run.resume_from_checkpoint)
        if checkpoint is not None:
            state.load(checkpoint)
            print(f"Going on from {checkpoint}")
    reals = RenderedScenes(options.network.resolution, options.run.seed, processes.device)
    game = Game(generator, discriminator, reals, options.gan, options.run.train_batch_size, options.run.seed, state.mean_path)

    def validate(state: State) -> dict[str, float]:
        if processes.is_main:
            pictures = options.output_dir / "samples"
            pictures.mkdir(exist_ok=True)
            grid = render.grid(render.samples(state.average, SEEDS), columns=8)
            grid.save(pictures / f"step-{state.step:06}.png")
        return {}

    loop = Loop(
        state,
        game.discriminator_parts(),
        game.generator_parts(),
        options.gan,
        options.run,
        options.output_dir,
        processes,
        validate,
    )
    ended = loop()
    if not processes.is_main:
        return
    target = options.output_dir / "model"
    recipe = {name: dataclasses.asdict(getattr(options, name)) for name in ("network", "gan", "run")}
    write_model_folder(target, state.average, config={"train": recipe}, discriminator=state.discriminator)
    print(f"{ended}: wrote {target}")


def networks(config: NetworkConfig, seed: int) -> tuple[Generator, StyleGAN2Discriminator]:
    """Networks with weights that depend on the seed alone."""
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
