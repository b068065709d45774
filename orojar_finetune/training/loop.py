"""The training loop: gradients of loss terms in micro-batches, optimizer steps, checkpoints, history, interrupts."""

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from orojar_finetune.config import GanConfig, RunConfig
from orojar_finetune.images.decoding import DamagedImageError
from orojar_finetune.runtime.atomic import Interrupt
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import full_precision
from orojar_finetune.training import checkpoints as saved
from orojar_finetune.training.loss_terms import LossTerm
from orojar_finetune.training.state import State, parameters_of

log = logging.getLogger("orojar")

HISTORY = "history.jsonl"
Validate = Callable[[State], dict[str, float]]


class DivergedError(ValueError):
    """A loss or a weight that is NaN or infinite."""


class StopTraining(Exception):  # noqa: N818
    """Raised by a validation to end the run, with its reason and what it measured."""

    def __init__(self, reason: str, figures: dict[str, float]) -> None:
        super().__init__(reason)
        self.figures = figures


@dataclass
class Loop:
    """Runs training steps, starting from the step of its state.

    Attributes:
        discriminator_terms: the loss of the discriminator.
        generator_terms: the loss of the generator.
        folder: where checkpoints and history.jsonl go.
        validate: called every `validation_steps` and after the last step; its figures go to the history. It may raise
            `StopTraining`.
        before_step: called before every step.
    """

    state: State
    discriminator_terms: Sequence[LossTerm]
    generator_terms: Sequence[LossTerm]
    gan: GanConfig
    run: RunConfig
    folder: Path
    processes: Processes
    validate: Validate | None = None
    before_step: Callable[[State], None] | None = None

    @property
    def batch(self) -> int:
        """Images per step, over all processes and micro-batches."""
        return self.run.effective_batch(self.processes.count)

    def __call__(self) -> str:
        """Trains, and returns how it ended: `done`, `interrupted`, or the reason of a `StopTraining`.

        Raises:
            DivergedError: a loss or weight is NaN or infinite; the message names the last good checkpoint.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._forget_later_steps()
        self.processes.trackers.start(self.state.options)
        self.processes.restore_loss_scale(self.state.loss_scale)
        bar = self.processes.track(range(self.state.step, self.run.max_train_steps), "training", self.state.step)
        with Interrupt() as interrupt:
            recorded: list[dict[str, float]] = []
            measured: dict[str, float] = {}
            for _ in bar:
                if self.before_step is not None:
                    self.before_step(self.state)
                began = time.perf_counter()
                losses = self._step_or_save()
                losses["interrupt"] = float(interrupt.wanted)
                losses = self.processes.mean_of(losses)
                wanted = losses.pop("interrupt") > 0
                self._check(losses)
                seconds = time.perf_counter() - began
                self.state.step += 1
                recorded.append({**losses, "images_per_second": self.batch / seconds})
                figures, reason = self._validated()
                measured |= figures
                bar.set_postfix({name: f"{value:.3g}" for name, value in {**_mean(recorded), **measured}.items()})
                if figures or self.state.step % self.run.logging_steps == 0:
                    self._record({**_mean(recorded), **figures})
                    recorded.clear()
                ended = reason or ("interrupted" if wanted else None)
                last = self.state.step == self.run.max_train_steps
                if ended or last or self.state.step % self.run.checkpointing_steps == 0:
                    self._checkpoint()
                if ended:
                    return ended
        return "done"

    def updates(self) -> list[tuple[torch.optim.Optimizer, Sequence[LossTerm]]]:
        """Returns both optimizers with the terms of their loss, in the order in which they step."""
        state = self.state
        return [
            (state.discriminator_optimizer, self.discriminator_terms),
            (state.generator_optimizer, self.generator_terms),
        ]

    def train_only(self, trained: torch.optim.Optimizer) -> None:
        """Lets gradients reach the weights of one optimizer and of no other."""
        for optimizer, _ in self.updates():
            for parameter in parameters_of(optimizer):
                parameter.requires_grad_(optimizer is trained)

    def gradients(self, term: LossTerm, step: int) -> float:
        """Adds the gradients of a term, in micro-batches, and returns its loss.

        The means over processes of gradients and loss are those of the whole batch.
        """
        total = 0.0
        for rows in _slices(self.processes.portion(term.rows), self.state.micro_batches):
            share = (rows.stop - rows.start) * self.processes.count / term.rows
            with full_precision() if term.exact else nullcontext():
                with self.processes.precision(term.exact):
                    loss = term.loss(step, rows)
                self.processes.backward(loss * (term.factor(step) * share))
            total += float(loss.detach()) * share
        return total

    def within_memory(self, optimizer: torch.optim.Optimizer, terms: Sequence[LossTerm], step: int) -> dict[str, float]:
        """Computes the gradients of terms, in micro-batches that are halved until they fit into memory; returns the losses."""
        while True:
            optimizer.zero_grad()
            try:
                return {term.name: self.gradients(term, step) for term in terms}
            except torch.OutOfMemoryError:
                size = self.batch // self.processes.count // self.state.micro_batches
                if size < 2:
                    raise
            optimizer.zero_grad()
            self.state.micro_batches *= 2
            torch.cuda.empty_cache()
            log.warning(
                f"out of memory: continuing with micro-batches of {size // 2} images instead of {size}; "
                f"the effective batch stays {self.batch}"
            )

    def _step_or_save(self) -> dict[str, float]:
        """Takes a step; if an image cannot be read, saves the steps before it, as no weight has changed yet."""
        try:
            return self._step()
        except DamagedImageError as e:
            if not self.processes.is_main or self.state.step in (0, self._saved_step()):
                raise
            self._save()
            raise DamagedImageError(f"{e}. The {self.state.step} steps before it are saved") from e

    def _saved_step(self) -> int:
        found = saved.checkpoints(self.folder)
        return saved.step_of(found[-1]) if found else 0

    def _step(self) -> dict[str, float]:
        state = self.state
        losses: dict[str, float] = {}
        for optimizer, terms in self.updates():
            due = [term for term in terms if term.factor(state.step)]
            if not due:
                continue
            self.train_only(optimizer)
            losses |= self.within_memory(optimizer, due, state.step)
            self.processes.average_gradients(parameters_of(optimizer))
            self.processes.step(optimizer)
        state.update_average(self.batch, self.gan.ema_images, self.gan.ema_rampup)
        return losses

    def _check(self, losses: dict[str, float]) -> None:
        wrong = [name for name, value in losses.items() if not math.isfinite(value)]
        if wrong:
            good = saved.checkpoints(self.folder)
            advice = f"the last good checkpoint is {good[-1]}" if good else "there is no checkpoint yet"
            raise DivergedError(
                f"step {self.state.step + 1}: {', '.join(wrong)} is NaN or infinite; {advice}. "
                "Try a lower --learning-rate, a lower penalty weight, or --mixed-precision no"
            )

    def _validated(self) -> tuple[dict[str, float], str | None]:
        """Returns what a validation that is due measures, and its reason to stop, if any."""
        due = self.state.step % self.run.validation_steps == 0 or self.state.step == self.run.max_train_steps
        if self.validate is None or not due:
            return {}, None
        try:
            return self.validate(self.state), None
        except StopTraining as e:
            return e.figures, str(e)

    def _record(self, figures: dict[str, float]) -> None:
        self.processes.trackers.log(figures, self.state.step)
        if self.processes.is_main:
            with (self.folder / HISTORY).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.state.step, **figures}) + "\n")

    def _forget_later_steps(self) -> None:
        """Removes history lines after the step that the run resumes from, and renames later checkpoints."""
        path = self.folder / HISTORY
        if self.processes.is_main:
            saved.set_later_aside(self.folder, self.state.step)
        if self.processes.is_main and path.is_file():
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _is_before(line, self.state.step)]
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _checkpoint(self) -> None:
        if not self.state.is_finite():
            self._check({"a weight": math.nan})
        if self.processes.is_main:
            self._save()
        self.processes.wait()

    def _save(self) -> None:
        self.state.loss_scale = self.processes.loss_scale
        self.state.save(self.folder / f"{saved.PREFIX}{self.state.step}")
        saved.prune(self.folder, self.run.checkpoints_total_limit)


def _slices(rows: slice, count: int) -> list[slice]:
    size = max(1, -(-(rows.stop - rows.start) // count))
    return [slice(first, min(first + size, rows.stop)) for first in range(rows.start, rows.stop, size)]


def _mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Returns the mean of each figure over the steps that have it: lazy terms are not in every step."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: math.fsum(row[name] for row in rows if name in row) / sum(name in row for row in rows) for name in names}


def _is_before(line: str, step: int) -> bool:
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False  # the end of a line that a killed run was writing
