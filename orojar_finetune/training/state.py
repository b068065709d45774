"""Everything a training must remember to go on as if it had never stopped, in safetensors: nothing here is a pickle.

Random numbers and the position in the data are functions of the step (`draws`), so the step is all there is to keep of them.
"""

import copy
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from orojar_adapters import Discriminator, Generator
from orojar_finetune.config import GanConfig
from orojar_finetune.runtime.atomic import replacing_folder

COUNTERS = "state.json"


@dataclass
class State:
    """The two networks, the generator's moving average, both optimizers and the counters.

    Attributes:
        step: steps that are done.
        micro_batches: portions that a process's part of the batch is divided into.
        running: other tensors that change on the way: `mean_path`, the running mean of the path length, and what else a run
            puts there before it starts or resumes.
        loss_scale: that of half precision, where it is used.
        best: score of the best validation so far; lower is better.
        best_step: the steps that were done then.
        best_weights: those of the averaged generator then, and what ran along.
        options: of the run, flat, as in `penalty.weight`; they travel with its checkpoints.
    """

    generator: Generator
    discriminator: Discriminator
    average: Generator
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    running: dict[str, Tensor]
    step: int = 0
    micro_batches: int = 1
    loss_scale: dict[str, float] = field(default_factory=dict)
    best: float = math.inf
    best_step: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(cls, generator: Generator, discriminator: Discriminator, config: GanConfig, micro_batches: int = 1) -> "State":
        """The state before the first step; parameters of the generator that do not require gradients stay as they are."""
        if generator.device.type == "cpu":  # on a GPU the generator's other half, all but convolutions, is slower for it
            for network in (generator, discriminator):
                network.to(memory_format=torch.channels_last)
        betas = (config.adam_beta1, config.adam_beta2)
        moving = [p for p in generator.parameters() if p.requires_grad]
        rate, critic_rate = config.rates()
        return cls(
            generator.train(),
            discriminator.train(),
            copy.deepcopy(generator).eval().requires_grad_(False),
            torch.optim.Adam(moving, lr=rate, betas=betas, eps=1e-8),
            torch.optim.Adam(discriminator.parameters(), lr=critic_rate, betas=betas, eps=1e-8),
            {"mean_path": torch.zeros([], device=generator.device)},
            micro_batches=micro_batches,
        )

    @torch.no_grad()
    def update_average(self, images: int, half_life: float, rampup: float) -> None:
        """Moves the averaged weights towards the current ones; buffers are copied.

        Args:
            images: seen in this step.
            half_life: in images.
            rampup: the largest part of the images seen so far that the half-life may be.
        """
        half_life = min(half_life, rampup * (self.step + 1) * images)
        keep = 0.5 ** (images / max(half_life, 1e-8))
        averages = dict(self.average.named_parameters())
        for name, parameter in self.generator.named_parameters():
            averages[name].lerp_(parameter, 1 - keep)
        buffers = dict(self.average.named_buffers())
        for name, buffer in self.generator.named_buffers():
            buffers[name].copy_(buffer)

    def save(self, folder: Path) -> None:
        """Writes a checkpoint, whole or not at all."""
        with replacing_folder(folder) as temporary:
            for name, tensors in self._tensors().items():
                save_file({key: value.contiguous() for key, value in tensors.items()}, temporary / f"{name}.safetensors")
            best = self.best if math.isfinite(self.best) else None
            counters: dict[str, Any] = {"step": self.step, "micro_batches": self.micro_batches, "loss_scale": self.loss_scale}
            counters |= {
                "best": best,
                "best_step": self.best_step,
                "moving": {name: len(parameters_of(one)) for name, one in self._optimizers().items()},
                "options": self.options,
            }
            (temporary / COUNTERS).write_text(json.dumps(counters) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Takes over a checkpoint of the same networks; of micro-batches it keeps the larger number.

        Raises:
            ValueError: a checkpoint that is not there, not whole, or of other networks.
        """
        try:
            counters = json.loads((folder / COUNTERS).read_text(encoding="utf-8"))
            self.step = int(counters["step"])
            self.micro_batches = max(self.micro_batches, int(counters["micro_batches"]))
            self.best = math.inf if counters.get("best") is None else float(counters["best"])
            self.best_step = int(counters.get("best_step", self.step))
            self.loss_scale = dict(counters.get("loss_scale", {}))
            self.best_weights = load_file(folder / "best.safetensors")
            for name, network in self._networks().items():
                network.load_state_dict(load_file(folder / f"{name}.safetensors"))
            for name, optimizer in self._optimizers().items():
                if counters["moving"][name] != len(parameters_of(optimizer)):
                    raise ValueError("the optimizer moved other weights")
                _load_optimizer(optimizer, load_file(folder / f"{name}.safetensors"))
            kept = load_file(folder / "running.safetensors")
            for name, tensor in self.running.items():
                tensor.copy_(kept[name])
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as e:
            raise ValueError(f"{folder} is no checkpoint of this run ({' '.join(str(e).split())[:300]})") from e

    def keep_best(self, score: float) -> None:
        """Notes the averaged weights, and what else runs along, as the best so far."""
        self.best, self.best_step = score, self.step
        kept = {f"average.{name}": value for name, value in self.average.state_dict().items()}
        kept |= {f"running.{name}": value for name, value in self.running.items()}
        self.best_weights = {name: value.cpu().clone() for name, value in kept.items()}

    def restore_best(self) -> bool:
        """Puts the best so far in the place of the current averaged weights; False where there is none."""
        if not self.best_weights:
            return False
        part = "average."
        weights = {name.removeprefix(part): value for name, value in self.best_weights.items() if name.startswith(part)}
        self.average.load_state_dict(weights)
        for name, tensor in self.running.items():
            tensor.copy_(self.best_weights[f"running.{name}"])
        return True

    def is_finite(self) -> bool:
        """Whether every weight is a number."""
        networks = (self.generator, self.discriminator)
        return all(bool(torch.isfinite(p).all()) for network in networks for p in network.parameters())

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def _tensors(self) -> dict[str, dict[str, Tensor]]:
        found = {name: dict(network.state_dict()) for name, network in self._networks().items()}
        for name, optimizer in self._optimizers().items():
            states = optimizer.state_dict()["state"]
            found[name] = {f"{i}.{key}": value for i, entries in states.items() for key, value in entries.items()}
        return {**found, "running": self.running, "best": self.best_weights}


def parameters_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All that an optimizer moves, in its order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Puts moments back in the memory layout of their parameters: another layout rounds differently in the last bit.

    Raises:
        ValueError: moments of other weights.
    """
    parameters = parameters_of(optimizer)
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        if key != "step" and value.shape != parameters[int(index)].shape:
            raise ValueError("the optimizer moved other weights")
        kept = value if key == "step" else torch.empty_like(parameters[int(index)]).copy_(value)
        states.setdefault(int(index), {})[key] = kept
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
