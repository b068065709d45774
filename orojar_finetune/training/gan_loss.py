"""The GAN loss of generator and discriminator: non-saturating logistic losses, lazy R1, style mixing."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters import Generator
from orojar_adapters.contract.generator import Noise
from orojar_finetune.config import GanConfig
from orojar_finetune.images.real_images import RealImages
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.training.augment import NUMBERS, augment
from orojar_finetune.training.loss_terms import LossTerm

R1_EVERY = 16
"""R1 is evaluated every so many steps (StyleGAN2's lazy regularization)."""


class GANLoss:
    """The loss terms of both networks.

    Args:
        discriminator: maps images and rows of label values (or None) to logits.
        batch: images per step, over all processes and micro-batches.
        seed: of everything random.
    """

    def __init__(
        self, generator: Generator, discriminator: nn.Module, real_images: RealImages, config: GanConfig, batch: int, seed: int
    ) -> None:
        self.generator, self.discriminator, self.real_images = generator, discriminator, real_images
        self.config, self.batch, self.seed = config, batch, seed

    @property
    def fixed_noise(self) -> Noise:
        """The noise for images that are compared with each other: none if the GAN trains without noise, otherwise const."""
        return "none" if self.config.noise == "none" else "const"

    def discriminator_terms(self) -> list[LossTerm]:
        """Returns the terms that raise logits of real images and lower those of generated ones, and R1 if it has a weight."""
        gamma = r1_gamma(self.config, self.generator.resolution, self.batch)
        terms = [LossTerm("real", self._real, self.batch), LossTerm("fake", self._fake, self.batch)]
        if gamma > 0:
            terms.append(LossTerm("R1", self._r1, self.batch, R1_EVERY, lambda _: gamma / 2, exact=True))
        return terms

    def generator_terms(self) -> list[LossTerm]:
        """Returns the term that raises the logits of generated images."""
        return [LossTerm("generator", self._generator, self.batch)]

    def _real(self, step: int, rows: slice) -> Tensor:
        images, labels = self.real_images.batch(step, self.batch, rows)
        return F.softplus(-self._logits(images, labels, step, rows, "real")).mean()

    def _fake(self, step: int, rows: slice) -> Tensor:
        with torch.no_grad():
            images, labels = self._generate(step, rows, "fake")
        return F.softplus(self._logits(images, labels, step, rows, "fake")).mean()

    def _r1(self, step: int, rows: slice) -> Tensor:
        """Returns the squared gradient at real images (Mescheder et al., ICML 2018)."""
        images, labels = self.real_images.batch(step, self.batch, rows)
        images = images.float().requires_grad_(True)
        logits = self._logits(images, labels, step, rows, "real")
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean()

    def _generator(self, step: int, rows: slice) -> Tensor:
        images, labels = self._generate(step, rows, "generator")
        return F.softplus(-self._logits(images, labels, step, rows, "generator")).mean()

    def _generate(self, step: int, rows: slice, purpose: str) -> tuple[Tensor, Tensor | None]:
        ws, labels = self._styles(step, rows, purpose)
        images = self.generator.synthesize(ws, self._noise(step, rows, purpose), labels)
        return images, self.generator.label_rows(labels, len(ws))

    def _styles(self, step: int, rows: slice, purpose: str) -> tuple[Tensor, Tensor | None]:
        """Returns latents for every layer, some of them with style mixing, and labels."""
        draws = rng(self.seed, purpose, step)
        z = self.generator.sample_latents(self.batch, draws)[rows]
        labels = self.generator.sample_labels(self.batch, draws)
        labels = None if labels is None else labels[rows]
        ws = self.generator.map(z, labels)
        if self.config.style_mixing > 0:
            second = self.generator.map(self.generator.sample_latents(self.batch, draws)[rows], labels)
            layers = ws.shape[1]
            crossover = torch.randint(1, max(2, layers), (self.batch,), generator=draws)
            mixed = torch.rand(self.batch, generator=draws) < self.config.style_mixing
            crossover = torch.where(mixed, crossover, layers)[rows].to(ws.device)
            ws = torch.where(torch.arange(layers, device=ws.device)[:, None] < crossover[:, None, None], ws, second)
        return ws, labels

    def _noise(self, step: int, rows: slice, purpose: str) -> Noise:
        if self.config.noise != "random":
            return self.config.noise
        return rng(self.seed, "noise", purpose, step, rows.start, device=self.generator.device)

    def _logits(self, images: Tensor, labels: Tensor | None, step: int, rows: slice, purpose: str) -> Tensor:
        if self.config.augment:
            numbers = torch.rand(self.batch, NUMBERS, generator=rng(self.seed, "augment", purpose, step))[rows]
            images = augment(images, numbers.to(images.device))
        if self.config.instance_noise > 0:
            noise = torch.randn(self.batch, *images.shape[1:], generator=rng(self.seed, "instance noise", purpose, step))[rows]
            images = images + self.config.instance_noise * noise.to(images)
        return self.discriminator(images, labels)


def r1_gamma(config: GanConfig, resolution: int, batch: int) -> float:
    """Returns the weight of R1: as set, or the rule of thumb of StyleGAN2-ADA, 0.0002 * resolution^2 / batch."""
    return 0.0002 * resolution**2 / batch if config.r1_gamma is None else config.r1_gamma
