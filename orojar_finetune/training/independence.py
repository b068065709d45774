"""The penalty on a direction set while the weights move (equations 6 to 9 of the paper, in the directions' coefficients)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator, Noise
from orojar_finetune.config import JacobianPenaltyConfig
from orojar_finetune.latents.directions import Directions
from orojar_finetune.penalty import Generate, cosines, hessian_penalty, orojar, rademacher
from orojar_finetune.runtime.draws import rng
from orojar_finetune.training.parts import Part

PAPERS_PROBES = 2
"""Sign vectors per latent, the paper's K."""
SMALLEST_LAYER = 8
"""Pixels of the coarsest layers that `layers` means."""


class Independence:
    """How far a direction set's changes are from orthogonal, at latents that every evaluation draws anew.

    Args:
        generator: whose weights move.
        directions: one direction a coefficient, in steps of its sigma, on its layers.
        seed: of everything that is drawn.
        noise: the same in every call: `const`, or `none` where the game is played without. Otherwise the penalty would turn
            noise up that nobody else looks at.
        through_mapping: whether latents w at which it is taken move with the mapping; those of a set in z always do.

    Raises:
        ValueError: outputs that this generator does not have.
    """

    def __init__(
        self,
        generator: Generator,
        directions: Directions,
        config: JacobianPenaltyConfig,
        seed: int,
        noise: Noise = "const",
        through_mapping: bool = False,
    ) -> None:
        self.generator, self.config, self.seed, self.noise = generator, config, seed, noise
        self.through_mapping = through_mapping
        self.reductions, self.activations = penalised(generator, config.on)
        self.use(directions)

    def use(self, directions: Directions) -> None:
        """Goes on with these directions."""
        self.space = directions.space
        self.moves = moves(self.generator, directions)

    def part(self, first_step: int, end: int) -> Part:
        """Its part in the generator's loss.

        Args:
            first_step: where the ramp of its weight begins.
            end: the step after the last one.
        """
        config, settling = self.config, settles(self.config, first_step, end)

        def weight(step: int) -> float:
            if step >= settling:
                return config.last_weight
            done = step - first_step
            return config.weight * max(0.0, min(1.0, done / config.ramp_steps if config.ramp_steps else float(done >= 0)))

        return Part("penalty", self.loss, config.batch_size, config.every, weight, exact=True, most=config.max_pull)

    def loss(self, step: int, rows: slice) -> Float[Tensor, ""]:
        """The mean penalty of some of a step's latents, over all outputs."""
        draws = rng(self.seed, "penalty", step)
        total = self.config.batch_size
        latents = self.generator.sample_latents(total, draws)[rows]
        labels = self.generator.sample_labels(total, draws)
        labels = None if labels is None else labels[rows]
        if self.space != "z":
            with torch.set_grad_enabled(self.through_mapping and torch.is_grad_enabled()):
                latents = self.generator.map(latents, labels)
        coefficients = latents.new_zeros(len(latents), len(self.moves))

        def generate(steps: Tensor) -> list[Tensor]:
            return self._outputs(latents, labels, steps)

        value = self._penalty(generate, coefficients, rows, draws)
        return value / (len(self.reductions) + len(self.activations))

    def _penalty(self, generate: Generate, coefficients: Tensor, rows: slice, draws: torch.Generator) -> Tensor:
        """In the form that the config names, summed over outputs; what is drawn is drawn for all rows of the step."""
        config, shape = self.config, (self.config.batch_size, len(self.moves))
        if config.form == "cosine":
            order = torch.rand(shape, generator=draws).argsort(dim=1)[rows, : config.probes]
            return cosines(generate, coefficients, order.to(coefficients.device), config.epsilon)
        probes = config.probes or PAPERS_PROBES
        signs = rademacher((probes, *shape), coefficients.cpu(), draws)[:, rows].to(coefficients.device)
        epsilon, scale_free = config.epsilon, config.scale_free
        if config.form == "hessian":
            return hessian_penalty(generate, coefficients, probes, epsilon, scale_free=scale_free, signs=signs)
        return orojar(generate, coefficients, probes, epsilon, scale_free=scale_free, difference=config.difference, signs=signs)

    def _outputs(self, latents: Tensor, labels: Tensor | None, coefficients: Tensor) -> list[Tensor]:
        repeats = len(coefficients) // len(latents)
        moved = latents.repeat(repeats, *[1] * (latents.ndim - 1)) + torch.tensordot(coefficients, self.moves, dims=1)
        labels = None if labels is None else labels.repeat(repeats)
        ws = self.generator.map(moved, labels) if self.space == "z" else moved
        image, kept = self.generator.synthesize_with_activations(ws, self.activations, self.noise, labels)
        return [F.avg_pool2d(image, factor) if factor > 1 else image for factor in self.reductions] + kept


def settles(config: JacobianPenaltyConfig, first_step: int, end: int) -> float:
    """The step from which a penalty has its last weight; arguments as of `Independence.part`."""
    return end - config.settle * (end - first_step)


def moves(generator: Generator, directions: Directions) -> Float[Tensor, "directions *latent"]:
    """What a coefficient of 1 adds to a latent: z, or ws with zeros on the layers that a direction leaves alone."""
    steps = directions.basis * directions.sigmas[:, None]
    if directions.space == "w+":
        steps = steps.view(len(directions), len(generator.layers), generator.w_size)
    elif directions.space == "w":
        mask = steps.new_zeros(len(directions), len(generator.layers))
        for row, layers in zip(mask, directions.layers, strict=True):
            first, end = layers or (0, len(generator.layers))
            row[first:end] = 1
        steps = steps[:, None] * mask[:, :, None]
    return steps.to(generator.device)


def penalised(generator: Generator, on: Sequence[str]) -> tuple[list[int], list[int]]:
    """What the words of `on` mean, where they mean something of this generator's.

    Raises:
        ValueError: as `outputs`, or nothing to penalise.
    """
    reductions, layers = outputs(generator, on)
    if not reductions and not layers:
        raise ValueError(f"on {tuple(on)} names nothing that {generator.family} has at this size: take image")
    return reductions, layers


def outputs(generator: Generator, on: Sequence[str]) -> tuple[list[int], list[int]]:
    """What the words of `on` mean: how many times each wanted image is reduced, and the indices of the wanted layers.

    Raises:
        ValueError: a word that means nothing here; says which do.
    """
    reductions: list[int] = []
    layers: list[int] = []
    for word in on:
        name, _, factor = word.partition("/")
        if name == "image" and (not factor or factor.isdecimal()):
            reduction = int(factor or 1)
            if not 1 <= reduction <= generator.resolution or generator.resolution % reduction:
                raise ValueError(f"on: {word!r} must divide the {generator.resolution} pixels of the image")
            reductions.append(reduction)
        elif word == "layers":
            last = {
                layer.resolution: layer.index for layer in generator.feature_layers[:-1] if layer.resolution >= SMALLEST_LAYER
            }
            layers += last.values()
        elif word.isdecimal() and int(word) < len(generator.feature_layers):
            layers.append(int(word))
        else:
            known = f"image, image/4, layers, or numbers 0..{len(generator.feature_layers) - 1}"
            raise ValueError(f"on must be made of {known} (see 'orojar inspect'), got {word!r}")
    return reductions, list(dict.fromkeys(layers))
