"""Time and memory that a run will take, measured on one real step."""

import math
import resource
import sys
import time
from dataclasses import dataclass

import torch

from orojar_finetune.training.loop import Loop
from orojar_finetune.training.loss_terms import LossTerm


@dataclass(frozen=True)
class Estimate:
    """Time and memory of a run.

    Attributes:
        seconds: of each loss term, once.
        seconds_per_step: the mean over steps; lazy terms count as often as they are evaluated.
        steps: remaining.
        memory: peak in bytes: of the GPU if there is one, otherwise of this process.
        device: where it was measured.
        batch: how the effective batch comes about.
    """

    seconds: dict[str, float]
    seconds_per_step: float
    steps: int
    memory: int
    device: str
    batch: str

    def __str__(self) -> str:
        terms = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in self.seconds.items())
        hours, rest = divmod(round(self.steps * self.seconds_per_step), 3600)
        return (
            f"effective batch: {self.batch}\n"
            f"one step on {self.device}: {terms}; {self.seconds_per_step:.3g} s on average\n"
            f"{self.steps} steps: {hours} h {rest // 60:02} min {rest % 60:02} s, without validations\n"
            f"peak memory: {self.memory / 2**30:.2f} GB"
        )


def estimate(loop: Loop) -> Estimate:
    """Evaluates every loss term twice and times the second time. No weight changes, nothing is written.

    When memory runs out, the micro-batch is halved, as in the training.
    """
    state, device = loop.state, loop.processes.device
    step = _when_all_are_due([*loop.discriminator_terms, *loop.generator_terms])
    seconds: dict[str, float] = {}
    average = 0.0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for optimizer, terms in loop.updates():
        loop.train_only(optimizer)
        for term in terms:
            for _ in range(2):
                began = time.perf_counter()
                loop.within_memory(optimizer, [term], step)
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                seconds[term.name] = time.perf_counter() - began
            average += seconds[term.name] / term.every
    state.generator.zero_grad()
    state.discriminator.zero_grad()
    remaining = loop.run.max_train_steps - state.step
    return Estimate(seconds, average, remaining, _peak_memory(device), str(device), _batch(loop))


def _batch(loop: Loop) -> str:
    count, parts = loop.processes.count, loop.state.micro_batches
    size = -(-loop.batch // (count * parts))
    return f"{loop.batch} images = {size} per micro-batch x {parts} accumulated x {count} process{'es' if count > 1 else ''}"


def _when_all_are_due(terms: list[LossTerm]) -> int:
    """Returns a step in which no term is skipped."""
    interval = math.lcm(*(term.every for term in terms))
    step = interval
    while not all(term.factor(step) for term in terms):
        step *= 2
        if step > 1 << 40:
            break
    return step


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
