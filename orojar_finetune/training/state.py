"""The state of a run, saved as safetensors (no pickle), so that it resumes as if it had never stopped.

Random numbers and the position in the data are functions of the step (`reproducible.rng`), so the step stands for both.
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
BETAS, EPSILON = (0.0, 0.99), 1e-8
"""Of Adam, as in StyleGAN2."""


@dataclass
class State:
    """Both networks, the EMA of the generator, both optimizers and the counters.

    Attributes:
        step: the number of steps done.
        micro_batches: portions that a process's share of the batch is divided into.
        running: other tensors that change during training, such as the directions; set before the run starts or resumes.
        loss_scale: state of the loss scaling of half precision.
        best: score of the best validation so far; lower is better.
        best_step: its step.
        best_weights: weights of the averaged generator, and the running tensors, at that step.
        options: of the run, flat, as in `penalty.weight`; saved with every checkpoint.
    """

    generator: Generator
    discriminator: Discriminator
    average: Generator
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    running: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0
    micro_batches: int = 1
    loss_scale: dict[str, float] = field(default_factory=dict)
    best: float = math.inf
    best_step: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(cls, generator: Generator, discriminator: Discriminator, config: GanConfig, micro_batches: int = 1) -> "State":
        """Returns the state before the first step; parameters of the generator that need no gradients are not trained."""
        if generator.device.type == "cpu":  # on a GPU everything but convolutions is slower for it
            for network in (generator, discriminator):
                network.to(memory_format=torch.channels_last)
        trained = [p for p in generator.parameters() if p.requires_grad]
        rate, discriminator_rate = config.rates()
        return cls(
            generator.train(),
            discriminator.train(),
            copy.deepcopy(generator).eval().requires_grad_(False),
            torch.optim.Adam(trained, lr=rate, betas=BETAS, eps=EPSILON),
            torch.optim.Adam(discriminator.parameters(), lr=discriminator_rate, betas=BETAS, eps=EPSILON),
            micro_batches=micro_batches,
        )

    @torch.no_grad()
    def update_average(self, images: int, half_life: float, rampup: float) -> None:
        """Updates the EMA of the weights; buffers are copied.

        Args:
            images: seen in this step.
            half_life: in images.
            rampup: cap on the half-life, as a fraction of the images seen so far.
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
        """Writes a checkpoint atomically."""
        with replacing_folder(folder) as temporary:
            for name, tensors in self._tensors().items():
                save_file({key: value.contiguous() for key, value in tensors.items()}, temporary / f"{name}.safetensors")
            best = self.best if math.isfinite(self.best) else None
            counters: dict[str, Any] = {"step": self.step, "micro_batches": self.micro_batches, "loss_scale": self.loss_scale}
            counters |= {
                "best": best,
                "best_step": self.best_step,
                "trained": {name: len(parameters_of(one)) for name, one in self._optimizers().items()},
                "options": self.options,
            }
            (temporary / COUNTERS).write_text(json.dumps(counters) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Loads a checkpoint of the same networks; keeps the larger number of micro-batches.

        Raises:
            ValueError: the checkpoint is missing, incomplete, or of other networks.
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
                if counters["trained"][name] != len(parameters_of(optimizer)):
                    raise ValueError("its optimizer trained other weights")
                _load_optimizer(optimizer, load_file(folder / f"{name}.safetensors"))
            kept = load_file(folder / "running.safetensors")
            for name, tensor in self.running.items():
                tensor.copy_(kept[name])
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as e:
            raise ValueError(f"{folder} is not a checkpoint of this run ({' '.join(str(e).split())[:300]})") from e

    def keep_best(self, score: float) -> None:
        """Keeps the averaged weights and the running tensors as the best so far."""
        self.best, self.best_step = score, self.step
        kept = {f"average.{name}": value for name, value in self.average.state_dict().items()}
        kept |= {f"running.{name}": value for name, value in self.running.items()}
        self.best_weights = {name: value.cpu().clone() for name, value in kept.items()}

    def restore_best(self) -> bool:
        """Replaces the averaged weights and the running tensors by the best so far; returns False if there is none."""
        if not self.best_weights:
            return False
        prefix = "average."
        weights = {name.removeprefix(prefix): value for name, value in self.best_weights.items() if name.startswith(prefix)}
        self.average.load_state_dict(weights)
        for name, tensor in self.running.items():
            tensor.copy_(self.best_weights[f"running.{name}"])
        return True

    def is_finite(self) -> bool:
        """Returns whether no weight is NaN or infinite."""
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
    """Returns the parameters of an optimizer, in its order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restores an optimizer's moments in the memory layout of their parameters, to keep rounding identical.

    Raises:
        ValueError: they are moments of other weights.
    """
    parameters = parameters_of(optimizer)
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        if key != "step" and value.shape != parameters[int(index)].shape:
            raise ValueError("its optimizer trained other weights")
        kept = value if key == "step" else torch.empty_like(parameters[int(index)]).copy_(value)
        states.setdefault(int(index), {})[key] = kept
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
