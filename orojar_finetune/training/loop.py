"""The training loop: gradients of parts in micro-batches, one step of each network, averages, checkpoints, the way out."""

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
from orojar_finetune.runtime.interrupt import Interrupt
from orojar_finetune.runtime.precision import full_precision
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.training import checkpoints as saved
from orojar_finetune.training.parts import Part, add_limited
from orojar_finetune.training.state import State, parameters_of

log = logging.getLogger("orojar")

HISTORY = "history.jsonl"
Validate = Callable[[State], dict[str, float]]


class Diverged(ValueError):  # noqa: N818
    """A loss or a weight that is no number any more."""


class Stop(Exception):  # noqa: N818
    """A validation's wish to end the run, with its reason and what it measured."""

    def __init__(self, reason: str, figures: dict[str, float]) -> None:
        super().__init__(reason)
        self.figures = figures


@dataclass
class Loop:
    """A run of steps from wherever its state stands.

    Attributes:
        discriminator_parts: what the discriminator's gradient is made of; none leaves it as it is.
        generator_parts: the same for the generator.
        folder: where checkpoints and history.jsonl go.
        validate: called every `validation_steps` and after the last; its figures join the history. It may raise `Stop`.
        before: called before every step.
    """

    state: State
    discriminator_parts: Sequence[Part]
    generator_parts: Sequence[Part]
    gan: GanConfig
    run: RunConfig
    folder: Path
    processes: Processes
    validate: Validate | None = None
    before: Callable[[State], None] | None = None

    def __call__(self) -> str:
        """Trains until the last step, an interrupt or a stop, and says which: `done`, `interrupted` or the stop's reason.

        Raises:
            Diverged: a loss is no number any more; the last good checkpoint stays and is named.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._forget_what_is_later()
        self.processes.trackers.start(self.state.options)
        self.processes.restore_loss_scale(self.state.loss_scale)
        bar = self.processes.track(range(self.state.step, self.run.max_train_steps), "training", self.state.step)
        with Interrupt() as interrupt:
            recorded: list[dict[str, float]] = []
            measured: dict[str, float] = {}
            for _ in bar:
                if self.before is not None:
                    self.before(self.state)
                began = time.perf_counter()
                losses = self._step_or_save()
                losses["interrupt"] = float(interrupt.wanted)
                losses = self.processes.mean_of(losses)
                wanted = losses.pop("interrupt") > 0
                self._check(losses)
                seconds = time.perf_counter() - began
                self.state.step += 1
                recorded.append({**losses, "images_per_second": self.run.train_batch_size / seconds})
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

    def players(self) -> list[tuple[torch.optim.Optimizer, Sequence[Part]]]:
        """Both optimizers with the parts of their loss, in the order in which they step."""
        state = self.state
        return [
            (state.discriminator_optimizer, self.discriminator_parts),
            (state.generator_optimizer, self.generator_parts),
        ]

    def listen(self, mover: torch.optim.Optimizer) -> None:
        """Lets gradients reach the weights of one optimizer and of no other."""
        for optimizer, _ in self.players():
            for parameter in parameters_of(optimizer):
                parameter.requires_grad_(optimizer is mover)

    def gradients(self, part: Part, step: int) -> float:
        """Adds the gradients of a part, in micro-batches, and gives its loss; the means over processes are the whole's."""
        total = 0.0
        for rows in _slices(self.processes.portion(part.rows), self.state.micro_batches):
            share = (rows.stop - rows.start) * self.processes.count / part.rows
            with full_precision() if part.exact else nullcontext():
                with self.processes.precision(part.exact):
                    loss = part.loss(step, rows)
                self.processes.backward(loss * (part.factor(step) * share))
            total += float(loss.detach()) * share
        return total

    def _step_or_save(self) -> dict[str, float]:
        """A step; where an image cannot be read, which is before any weight moves, a checkpoint of those before it is left."""
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
        for optimizer, parts in self.players():
            self._set_rate(optimizer)
            due = [part for part in parts if part.factor(state.step)]
            if not due:
                continue
            self.listen(optimizer)
            losses |= self._accumulate(optimizer, [part for part in due if part.most is None])
            for part in due:
                if part.most is not None:
                    others = [parameter.grad for parameter in parameters_of(optimizer)]
                    losses |= self._accumulate(optimizer, [part])
                    add_limited(parameters_of(optimizer), others, part.most)
            self.processes.step(optimizer)
            for part in due:
                if part.after is not None:
                    part.after(self.processes.mean_of)
        state.update_average(self.run.train_batch_size, self.gan.ema_images, self.gan.ema_rampup)
        return losses

    def _set_rate(self, optimizer: torch.optim.Optimizer) -> None:
        """The learning rate of this step, which falls to 0 at the end of the run where that is wanted."""
        steps = self.run.max_train_steps
        falling = max(1.0, self.gan.decay * steps)
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * min(1.0, (steps - self.state.step) / falling)

    def _accumulate(self, optimizer: torch.optim.Optimizer, parts: Sequence[Part]) -> dict[str, float]:
        """The gradients of parts alone, over all processes."""
        losses = self.within_memory(optimizer, parts, self.state.step)
        self.processes.average_gradients(parameters_of(optimizer))
        return losses

    def within_memory(self, optimizer: torch.optim.Optimizer, parts: Sequence[Part], step: int) -> dict[str, float]:
        """The gradients of parts alone, and their losses, in as many micro-batches as memory wants."""
        while True:
            optimizer.zero_grad()
            try:
                return {part.name: self.gradients(part, step) for part in parts}
            except torch.OutOfMemoryError:
                largest = self.processes.share(self.run.train_batch_size) // self.state.micro_batches
                if largest < 2:
                    raise
            optimizer.zero_grad()
            self.state.micro_batches *= 2
            torch.cuda.empty_cache()
            log.warning(
                f"out of memory: going on with micro-batches of {largest // 2} images instead of {largest}; "
                f"the batch stays {self.run.train_batch_size}"
            )

    def _check(self, losses: dict[str, float]) -> None:
        wrong = [name for name, value in losses.items() if not math.isfinite(value)]
        if wrong:
            good = saved.checkpoints(self.folder)
            advice = f"the last good checkpoint is {good[-1]}" if good else "there is no checkpoint yet"
            raise Diverged(
                f"step {self.state.step + 1}: {', '.join(wrong)} is no finite number any more; {advice}. "
                "Try a lower --learning-rate or a lower penalty weight, or --mixed-precision no"
            )

    def _validated(self) -> tuple[dict[str, float], str | None]:
        """What a validation that is due measures, and why it wants to stop, if it does."""
        due = self.state.step % self.run.validation_steps == 0 or self.state.step == self.run.max_train_steps
        if self.validate is None or not due:
            return {}, None
        try:
            return self.validate(self.state), None
        except Stop as e:
            return e.figures, str(e)

    def _record(self, figures: dict[str, float]) -> None:
        self.processes.trackers.log(figures, self.state.step)
        if self.processes.is_main:
            with (self.folder / HISTORY).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.state.step, **figures}) + "\n")

    def _forget_what_is_later(self) -> None:
        """Lines and checkpoints after the step that is resumed from will be written again."""
        path = self.folder / HISTORY
        if self.processes.is_main:
            saved.leave_later(self.folder, self.state.step)
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
    """Of each figure over the steps that have it: parts that are lazy are not in every step."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: math.fsum(row[name] for row in rows if name in row) / sum(name in row for row in rows) for name in names}


def _is_before(line: str, step: int) -> bool:
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False  # the end of a line that a killed run was writing
