"""The game of generator and discriminator: non-saturating logistic losses, R1, path length, style mixing."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters import Generator
from orojar_adapters.contract.generator import Noise
from orojar_finetune.config import GanConfig
from orojar_finetune.images.reals import Reals
from orojar_finetune.runtime.draws import rng
from orojar_finetune.training.augment import NUMBERS, augment
from orojar_finetune.training.parts import Average, Part


class Game:
    """The two networks, the real images and the rules; gives the parts of both losses.

    Args:
        discriminator: images and rows of label values (or None) to logits.
        rows: size of a batch over all processes.
        seed: of everything that is drawn.
        mean_path: running mean of the path length, a tensor that is updated in place.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: nn.Module,
        reals: Reals,
        config: GanConfig,
        rows: int,
        seed: int,
        mean_path: Float[Tensor, ""],
    ) -> None:
        self.generator, self.discriminator, self.reals = generator, discriminator, reals
        self.config, self.total, self.seed, self.mean_path = config, rows, seed, mean_path
        self.path_rows = max(1, rows // 2)
        self.lengths: list[Tensor] = []

    @property
    def fixed_noise(self) -> Noise:
        """The noise maps for whatever compares images of this game: none where it is played without, else the checkpoint's."""
        return "none" if self.config.noise == "none" else "const"

    def discriminator_parts(self) -> list[Part]:
        """Real images up, generated ones down, and R1 where it has a weight."""
        gamma = r1_gamma(self.config, self.generator.resolution, self.total)
        parts = [Part("real", self._real, self.total), Part("fake", self._fake, self.total)]
        if gamma > 0:
            parts.append(Part("R1", self._r1, self.total, self.config.r1_every, lambda _: gamma / 2, exact=True))
        return parts

    def generator_parts(self) -> list[Part]:
        """Generated images up, and path length where it has a weight."""
        parts = [Part("generator", self._deceive, self.total)]
        if self.config.path_length > 0:
            weight, every = self.config.path_length, self.config.path_length_every
            part = Part("path length", self._path, self.path_rows, every, lambda _: weight, True, self._remember_path)
            parts.append(part)
        return parts

    def _real(self, step: int, rows: slice) -> Tensor:
        images, labels = self.reals.batch(step, self.total, rows)
        return F.softplus(-self._judge(images, labels, step, rows, "real")).mean()

    def _fake(self, step: int, rows: slice) -> Tensor:
        with torch.no_grad():
            images, labels = self._generate(step, rows, "fake")
        return F.softplus(self._judge(images, labels, step, rows, "fake")).mean()

    def _r1(self, step: int, rows: slice) -> Tensor:
        """The squared gradient at real images (Mescheder et al., ICML 2018)."""
        images, labels = self.reals.batch(step, self.total, rows)
        images = images.float().requires_grad_(True)
        logits = self._judge(images, labels, step, rows, "real")
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean()

    def _deceive(self, step: int, rows: slice) -> Tensor:
        images, labels = self._generate(step, rows, "generator")
        return F.softplus(-self._judge(images, labels, step, rows, "generator")).mean()

    def _path(self, step: int, rows: slice) -> Tensor:
        """How far the length of random image changes pulled back to w is from its running mean (StyleGAN2, equation 4)."""
        total = self.path_rows
        images, _, ws = self._generate_from_ws(step, rows, "path", total)
        noise = torch.randn(total, *images.shape[1:], generator=rng(self.seed, "path pixels", step))[rows]
        noise = noise.to(images) / math.sqrt(images.shape[2] * images.shape[3])
        (gradient,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
        lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
        self.lengths.append(lengths.detach())
        mean = self.mean_path if self.mean_path > 0 else lengths.detach().mean()
        return (lengths - mean).square().mean()

    def _remember_path(self, average: Average) -> None:
        mine = [length for lengths in self.lengths for length in lengths.tolist()]
        everyone = average({"length": math.fsum(mine), "count": float(len(mine))})
        mean = everyone["length"] / everyone["count"]
        self.lengths.clear()
        self.mean_path.fill_(mean if self.mean_path == 0 else self.mean_path.lerp(self.mean_path.new_tensor(mean), 0.01))

    def _generate(self, step: int, rows: slice, purpose: str) -> tuple[Tensor, Tensor | None]:
        images, labels, _ = self._generate_from_ws(step, rows, purpose, self.total)
        return images, labels

    def _generate_from_ws(self, step: int, rows: slice, purpose: str, total: int) -> tuple[Tensor, Tensor | None, Tensor]:
        draws = rng(self.seed, purpose, step)
        z = self.generator.sample_latents(total, draws)[rows]
        labels = self.generator.sample_labels(total, draws)
        labels = None if labels is None else labels[rows]
        ws = self.generator.map(z, labels)
        if self.config.style_mixing > 0:
            second = self.generator.map(self.generator.sample_latents(total, draws)[rows], labels)
            layers = ws.shape[1]
            crossover = torch.randint(1, max(2, layers), (total,), generator=draws)
            mixed = torch.rand(total, generator=draws) < self.config.style_mixing
            crossover = torch.where(mixed, crossover, layers)[rows].to(ws.device)
            ws = torch.where(torch.arange(layers, device=ws.device)[:, None] < crossover[:, None, None], ws, second)
        if purpose == "path" and not ws.requires_grad:  # of a mapping that does not move
            ws.requires_grad_()
        images = self.generator.synthesize(ws, self._noise(step, rows, purpose), labels)
        return images, self.generator.label_rows(labels, len(z)), ws

    def _noise(self, step: int, rows: slice, purpose: str) -> Noise:
        if self.config.noise != "random":
            return self.config.noise
        return rng(self.seed, "noise", purpose, step, rows.start, device=self.generator.device)

    def _judge(self, images: Tensor, labels: Tensor | None, step: int, rows: slice, purpose: str) -> Tensor:
        if self.config.augment:
            numbers = torch.rand(self.total, NUMBERS, generator=rng(self.seed, "augment", purpose, step))[rows]
            images = augment(images, numbers.to(images.device))
        if self.config.instance_noise > 0:
            noise = torch.randn(self.total, *images.shape[1:], generator=rng(self.seed, "instance noise", purpose, step))[rows]
            images = images + self.config.instance_noise * noise.to(images)
        return self.discriminator(images, labels)


def r1_gamma(config: GanConfig, resolution: int, batch: int) -> float:
    """The weight of R1: as set, or the rule of thumb of StyleGAN2-ADA, 0.0002 * resolution^2 / batch."""
    return 0.0002 * resolution**2 / batch if config.r1_gamma is None else config.r1_gamma
