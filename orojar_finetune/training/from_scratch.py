"""Training a generator from scratch."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orojar_adapters import Discriminator, Generator, new_networks
from orojar_finetune.config import NetworkConfig, TrainConfig
from orojar_finetune.latents.coordinates import latent_axes
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.direction_set import measure_directions
from orojar_finetune.training.preparation import Run, begin, build_run
from orojar_finetune.training.validation import Figures


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The result of training from scratch.

    Attributes:
        generator: the averaged weights.
        discriminator: to continue from.
        figures: of the generator; with a penalty also of the coordinates of z.
        ended: `done` or `interrupted`.
        steps: of both networks.
        batch: images per step.
        config: with everything filled in.
    """

    generator: Generator
    discriminator: Discriminator
    figures: Figures
    ended: str
    steps: int
    batch: int
    config: TrainConfig


def train(output_dir: str | Path, config: TrainConfig | None = None, *, data: str = "scenes", **options: Any) -> Trained:
    """Trains a generator from scratch; with a penalty, its coordinates of z become independent, as in the paper.

    Under `accelerate launch` the processes share every batch.

    Args:
        output_dir: of the run: checkpoints, history.jsonl, pictures of validations.
        config: None means the defaults.
        data: real images: `scenes`, a folder or zip of images, or `user/dataset` on the Hub.
        options: fields of `TrainConfig` that replace those of the config, such as `network=NetworkConfig(resolution=32)`.

    Raises:
        ValueError: the family does not have these sizes, the data cannot be read, there is no such checkpoint, or a loss is NaN
            or infinite (the message names the last good checkpoint).
    """
    run = prepare(dataclasses.replace(config or TrainConfig(), **options), data, Path(output_dir))
    return finish(run, run.loop())


def prepare(config: TrainConfig, data: str, output_dir: Path, progress: bool = True) -> Run:
    """Returns a training that is ready to start, or to resume; arguments and errors as in `train`."""
    network = config.network.with_channels()
    config = dataclasses.replace(config, network=network, gan=config.gan.with_rates(), penalty=config.penalty.with_options())
    processes = begin(config.run, output_dir, progress)
    generator, discriminator = (module.to(processes.device) for module in networks(network, config.run.seed))

    def find_axes() -> Directions | None:
        return latent_axes(generator) if config.penalty.weight > 0 else None

    return build_run(config, data, output_dir, processes, generator, discriminator, find_axes)


def finish(run: Run, ended: str) -> Trained:
    """Returns the averaged generator, measured.

    Args:
        run: as `prepare` returned it, trained.
        ended: what its loop returned.
    """
    state, config, axes = run.loop.state, run.config, run.validation.directions
    assert isinstance(config, TrainConfig)
    run.recenter(state.average)
    processes, seed = run.loop.processes, config.run.seed
    scores = {} if axes is None else measure_directions(state.average, axes, seed=seed, processes=processes).scores
    return Trained(
        generator=state.average,
        discriminator=state.discriminator,
        figures=run.finish(state.average, scores),
        ended=ended,
        steps=state.step,
        batch=run.loop.batch,
        config=config,
    )


def networks(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Returns networks whose weights depend on the seed alone.

    Raises:
        ValueError: there is no such family, or it does not have these sizes.
    """
    sizes = dataclasses.asdict(config.with_channels())
    family, discriminator_channels = sizes.pop("family"), sizes.pop("discriminator_channels")
    return new_networks(family, sizes | {"channels": list(sizes["channels"])}, discriminator_channels, seed)
