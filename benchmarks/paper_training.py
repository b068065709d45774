"""WGAN-GP on sprites with or without a penalty on the generator's Jacobian, resumable to the bit."""

import json
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from orojar_finetune import sprites
from orojar_finetune.runtime.atomic import replacing
from orojar_finetune.runtime.draws import rng
from orojar_finetune.runtime.precision import full_precision
from paper_networks import SmallDiscriminator, activations, gradient_penalty, small_generator
from paper_presets import BETAS, GRADIENT_PENALTY, LATENT_SIZE, PENALTIES, Preset

TRAINED_BY = ("resolution", "generator", "discriminator", "embedding", "batch", "rate", "steps", "penalised")
"""What of a preset decides how a run trains; the rest decides how it is measured."""


class Training:
    """One run: two networks, their optimizers, and the number of steps that are done.

    Everything drawn in a step depends on the seed and the step alone, and the same seed draws the same for every penalty.

    Args:
        design: the name of a penalty, or `none`.
        weight: of the penalty.
        seed: of everything that is drawn.
    """

    def __init__(self, preset: Preset, design: str, weight: float, seed: int, device: torch.device | str = "cpu") -> None:
        self.preset, self.design, self.weight, self.seed, self.device = preset, design, weight, seed, device
        self.generator = small_generator(preset.generator, LATENT_SIZE, seed).train()
        self.discriminator = SmallDiscriminator(preset.discriminator, preset.embedding, seed)
        for network in (self.generator, self.discriminator):
            network.to(device)
            _lay_out(network)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), preset.rate, BETAS)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), preset.rate, BETAS)
        self.step, self.seconds = 0, 0.0

    def advance(self) -> dict[str, Tensor]:
        """One step of the discriminator, then one of the generator, as the authors' code takes them; gives the losses."""
        started = time.perf_counter()
        rate = self.preset.rate * min(1.0, 2 * (1 - self.step / self.preset.steps))
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            optimizer.param_groups[0]["lr"] = rate
        with full_precision():
            losses = {**self._discriminate(), **self._generate()}
        self.step += 1
        self.seconds += time.perf_counter() - started
        return losses

    def _discriminate(self) -> dict[str, Tensor]:
        batch = self.preset.batch
        draws = rng(self.seed, "sprites", self.step)
        reals = sprites.render(sprites.sample(batch, draws).to(self.device), self.preset.resolution)
        with torch.no_grad():
            fakes = self.generator(self._latents("discriminator"))
        distance = self.discriminator(reals).mean() - self.discriminator(fakes).mean()
        slope = gradient_penalty(self.discriminator, reals, fakes, torch.rand(batch, generator=draws).to(self.device))
        loss = GRADIENT_PENALTY * slope - distance / 2  # the authors halve the distance and not the penalty
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        self.discriminator_optimizer.step()
        return {"distance": distance.detach(), "slope": slope.detach()}

    def _generate(self) -> dict[str, Tensor]:
        z = self._latents("generator")
        self.discriminator.requires_grad_(False)
        loss = -self.discriminator(self.generator(z)).mean()
        losses = {}
        if self.design != "none":
            some, signs = z[: self.preset.penalised], rng(self.seed, "signs", self.step)
            losses["penalty"] = PENALTIES[self.design](lambda z: activations(self.generator, z), some, rng=signs)
            loss = loss + self.weight * losses["penalty"]
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        self.discriminator.requires_grad_(True)
        return {name: value.detach() for name, value in losses.items()}

    def _latents(self, purpose: str) -> Tensor:
        return self.generator.sample_latents(self.preset.batch, rng(self.seed, purpose, self.step))

    @property
    def _parts(self) -> dict[str, tuple[torch.nn.Module, torch.optim.Optimizer]]:
        return {
            "generator": (self.generator, self.generator_optimizer),
            "discriminator": (self.discriminator, self.discriminator_optimizer),
        }

    @property
    def _run(self) -> str:
        """What tells this run from others."""
        trained = {name: getattr(self.preset, name) for name in TRAINED_BY}
        return json.dumps({**trained, "design": self.design, "weight": self.weight, "seed": self.seed})

    def save(self, path: Path) -> None:
        """Writes a checkpoint, whole or not at all."""
        tensors = {}
        for part, (network, optimizer) in self._parts.items():
            tensors |= {f"{part}.{name}": value for name, value in network.state_dict().items()}
            for i, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"{part}_optimizer.{i}.{name}": value for name, value in moments.items()}
        facts = {"step": str(self.step), "seconds": str(self.seconds), "run": self._run}
        with replacing(path) as temporary:
            save_file({name: value.contiguous() for name, value in tensors.items()}, temporary, facts)

    def load(self, path: Path) -> None:
        """Goes on from a checkpoint of this run.

        Raises:
            ValueError: a checkpoint of another one.
        """
        with safe_open(path, "pt", device=str(self.device)) as file:
            facts = file.metadata()
            if facts["run"] != self._run:
                raise ValueError(f"{path} is of another run ({facts['run']}): choose another folder with --runs")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for part, (network, optimizer) in self._parts.items():
            network.load_state_dict(_below(tensors, f"{part}."))
            moments = _below(tensors, f"{part}_optimizer.")
            states = {
                i: {name: _laid_out(value, p) for name, value in _below(moments, f"{i}.").items()}
                for i, p in enumerate(network.parameters())
            }
            optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
        self.step, self.seconds = int(facts["step"]), float(facts["seconds"])


def _lay_out(network: torch.nn.Module) -> None:
    """Kernels with their channels last, which is faster on CPUs and on tensor cores."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """A moment in the memory layout of its parameter: another one rounds differently in the last bit."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
