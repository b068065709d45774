"""Validations during training, and the choice of which generator of a fine-tune to keep."""

from dataclasses import dataclass
from pathlib import Path

import torch

from orojar_adapters import Generator
from orojar_finetune.config import ComparisonConfig
from orojar_finetune.images import render
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.direction_set import measure_directions
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training.loop import StopTraining
from orojar_finetune.training.state import State

STRIP_SEED = 0
SAMPLE_SEEDS = tuple(range(48))
COLUMNS = 8


@dataclass(frozen=True)
class Figures:
    """The figures of a validation: the Fréchet distance and, with directions, `Directions.scores`.

    Attributes:
        frechet: Fréchet distance between generated and real images, divided by the variance of the real images' features: 1 is
            as far as real images are from their own mean.
    """

    frechet: float
    off_diagonal_cos2: float | None = None
    off_diagonal_share: float | None = None
    effective_directions: float | None = None
    activity: float | None = None

    def described(self) -> dict[str, float]:
        """Returns the figures that were measured, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Validation:
    """Measures averaged generators during a run, and draws a picture of each.

    Args:
        directions: to measure; None measures the images alone.
        folder: of the run.

    Attributes:
        selection: which generator is kept, in a fine-tune; it also says when to stop.
    """

    def __init__(
        self,
        fidelity: Fidelity,
        directions: Directions | None,
        config: ComparisonConfig,
        processes: Processes,
        folder: Path,
        seed: int,
    ) -> None:
        self.fidelity, self.directions, self.config, self.processes = fidelity, directions, config, processes
        self.folder, self.seed = folder, seed
        self.selection: Selection | None = None

    def measure(self, generator: Generator, latents: int | None = None) -> Figures:
        """Returns the figures of a generator.

        Args:
            latents: on which directions are measured; None means as many as behind every figure that is printed.
        """
        frechet = self.fidelity.of(generator)
        if self.directions is None:
            return Figures(frechet)
        return Figures(frechet, **measure_directions(generator, self.directions, latents, self.seed, self.processes).scores)

    def __call__(self, state: State) -> dict[str, float]:
        """Measures the averaged generator of a state, draws a picture, and lets the selection keep it or stop the run.

        Raises:
            StopTraining: the images have drifted too far.
        """
        figures = self.measure(state.average, self.config.latents)
        if self.processes.is_main:
            self._draw(state)
        if self.selection is not None:
            self.selection(state, figures)
        return figures.described()

    def _draw(self, state: State) -> None:
        path = self.folder / "validation" / f"step-{state.step:06}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        if self.selection is None or self.directions is None:
            samples = render.samples(state.average, SAMPLE_SEEDS)
            render.grid(samples, COLUMNS).save(path)
            self.processes.trackers.show({"samples": render.to_bytes(samples)}, state.step)
            return
        names = self.directions.names
        strips = [render.traversal(state.average, self.directions, i, [STRIP_SEED])[0] for i in range(len(names))]
        render.strip(torch.stack(strips)).save(path)
        self.processes.trackers.show(dict(zip(names, map(render.to_bytes, strips), strict=True)), state.step)


@dataclass
class Selection:
    """Keeps the best generator of a fine-tune, and stops a run whose images have drifted too far.

    Attributes:
        start: figures of the original.
        max_drift: largest increase of the Fréchet distance.
        annealed_from: the step from which the penalty is annealed and the images recover: from there on, each generator within
            the allowed drift is better than the one before. None if the penalty is not annealed.
        trains_from: the step from which the generator trains; before it there is nothing to keep.
    """

    start: Figures
    max_drift: float
    annealed_from: float | None = None
    trains_from: int = 0

    def __call__(self, state: State, figures: Figures) -> None:
        """Keeps the averaged weights if they are the best so far.

        Raises:
            StopTraining: the images have drifted too far.
        """
        drift = figures.frechet - self.start.frechet
        annealed = self.annealed_from is not None and state.step >= self.annealed_from
        score = -float(state.step) if annealed else self.score(figures)
        if state.step > self.trains_from and drift <= self.max_drift and score < state.best:
            state.keep_best(score)
        if drift > self.max_drift:
            raise StopTraining(
                f"stopped at step {state.step}: the Fréchet distance rose from {self.start.frechet:.3f} to "
                f"{figures.frechet:.3f}, more than the allowed {self.max_drift} (--fidelity.max-drift)",
                figures.described(),
            )

    def score(self, figures: Figures) -> float:
        """Returns off-diagonal cos² relative to the start plus the used fraction of the allowed drift; lower is better."""
        drift = max(0.0, figures.frechet - self.start.frechet)
        left = (figures.off_diagonal_cos2 or 0.0) / max(self.start.off_diagonal_cos2 or 0.0, 1e-9)
        return left + drift / self.max_drift
