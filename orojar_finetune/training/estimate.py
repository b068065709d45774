"""What a training will take, measured on one real step of it."""

import math
import resource
import sys
import time
from dataclasses import dataclass

import torch

from orojar_finetune.training.loop import Loop
from orojar_finetune.training.parts import Part


@dataclass(frozen=True)
class Estimate:
    """Time and memory of a training.

    Attributes:
        seconds: of each part of a step, once.
        seconds_per_step: the mean over steps, lazy parts counted as often as they come.
        steps: still to do.
        memory: most bytes held: of the GPU where there is one, otherwise of this process.
        device: where.
    """

    seconds: dict[str, float]
    seconds_per_step: float
    steps: int
    memory: int
    device: str

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in self.seconds.items())
        hours, rest = divmod(round(self.steps * self.seconds_per_step), 3600)
        return (
            f"one step on {self.device}: {parts}; {self.seconds_per_step:.3g} s on average\n"
            f"{self.steps} steps: {hours} h {rest // 60:02} min {rest % 60:02} s, validations left out\n"
            f"memory: {self.memory / 2**30:.2f} GB at the most"
        )


def estimate(loop: Loop) -> Estimate:
    """Runs every part of a step twice, the second time against the clock. The weights stay, nothing is written.

    Where memory runs out the micro-batch is halved, as in the training.
    """
    state, device = loop.state, loop.processes.device
    step = _when_all_are_due([*loop.discriminator_parts, *loop.generator_parts])
    seconds: dict[str, float] = {}
    average = 0.0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for optimizer, parts in loop.players():
        loop.listen(optimizer)
        for part in parts:
            for _ in range(2):
                began = time.perf_counter()
                loop.within_memory(optimizer, [part], step)
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                seconds[part.name] = time.perf_counter() - began
            average += seconds[part.name] / part.every
    state.generator.zero_grad()
    state.discriminator.zero_grad()
    return Estimate(seconds, average, loop.run.max_train_steps - state.step, _peak_memory(device), str(device))


def _when_all_are_due(parts: list[Part]) -> int:
    """A step in which no part is left out."""
    rhythm = math.lcm(*(part.every for part in parts))
    step = rhythm
    while not all(part.factor(step) for part in parts):
        step *= 2
        if step > 1 << 40:
            break
    return step


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
