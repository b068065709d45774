"""What is measured while a generator is tuned: fidelity, orthogonality, activity; which generator so far is the best."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from orojar_adapters import Generator
from orojar_finetune.config import FidelityConfig
from orojar_finetune.images import render
from orojar_finetune.latents.directions import Directions
from orojar_finetune.measures.fidelity import Fidelity
from orojar_finetune.measures.held_out import scores_of
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training.loop import Stop
from orojar_finetune.training.state import State

STRIP_SEED = 0


@dataclass(frozen=True)
class Figures:
    """What a validation finds.

    Attributes:
        frechet: Fréchet distance between generated and real images, over the variance of the real images' features: 1 is as
            far as real images are from their own mean.
        orthogonality: mean squared cosine between the changes of two directions, on held-out latents.
        activity: mean squared change of the image by one sigma, over the variance of images.
    """

    frechet: float
    orthogonality: float
    activity: float


class Validation:
    """Measures averaged generators against real images and against the original.

    Args:
        original: the generator of the start.
        fidelity: to the real images.
        directions: whose orthogonality counts.
        folder: of the run; pictures go there.
        settled_from: the step from which the penalty has its last weight and the images recover: from there on each generator
            within the allowed drift is better than those before it. None where it has one weight.
        moves_from: the step from which the generator moves; before it there is nothing to keep.
    """

    def __init__(
        self,
        original: Generator,
        fidelity: Fidelity,
        directions: Directions,
        config: FidelityConfig,
        processes: Processes,
        folder: Path,
        seed: int,
        settled_from: float | None = None,
        moves_from: int = 0,
    ) -> None:
        self.fidelity = fidelity
        self.directions, self.config, self.processes = directions, config, processes
        self.folder, self.seed, self.settled_from, self.moves_from = folder, seed, settled_from, moves_from
        self.start = self.measure(original)

    def measure(self, generator: Generator) -> Figures:
        """The figures of a generator."""
        frechet = self.fidelity.of(generator)
        found = scores_of(generator, self.directions, self.config.latents, self.seed, self.processes)
        return Figures(frechet, found.orthogonality, found.activities.mean().item())

    def __call__(self, state: State) -> dict[str, float]:
        """Measures a state, keeps its averaged weights where they are the best so far, draws a picture.

        Raises:
            Stop: the images have drifted too far.
        """
        found = self.measure(state.average)
        figures = dataclasses.asdict(found)
        drift = found.frechet - self.start.frechet
        settled = self.settled_from is not None and state.step >= self.settled_from
        score = -float(state.step) if settled else self.score(found)
        if state.step > self.moves_from and drift <= self.config.max_drift and score < state.best:
            state.keep_best(score)
        self._picture(state)
        if drift > self.config.max_drift:
            raise Stop(
                f"stopped at step {state.step}: the Fréchet distance rose from {self.start.frechet:.3f} to {found.frechet:.3f},"
                f" more than the allowed {self.config.max_drift} (--fidelity.max-drift)",
                figures,
            )
        return figures

    def score(self, found: Figures) -> float:
        """Lower is better: orthogonality as a part of the start's, plus the part of the allowed drift that is used up."""
        drift = max(0.0, found.frechet - self.start.frechet)
        return found.orthogonality / max(self.start.orthogonality, 1e-9) + drift / self.config.max_drift

    def _picture(self, state: State) -> None:
        if not self.processes.is_main:
            return
        count = len(self.directions)
        strips = [render.traversal(state.average, self.directions, i, [STRIP_SEED])[0] for i in range(count)]
        path = self.folder / "validation" / f"step-{state.step:06}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        render.strip(torch.stack(strips)).save(path)
        self.processes.trackers.show(dict(zip(self.directions.names, map(render.to_bytes, strips), strict=True)), state.step)
