"""The penalty on a direction set while weights train (equations 6 to 9 of the paper, in the directions' coefficients)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters import Generator, Noise
from orojar_finetune.config import Cosine, Hessian, JacobianPenaltyConfig
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import Latents, LatentSpace
from orojar_finetune.penalty import Generate, cosines, hessian_penalty, orojar, rademacher
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.training.loss_terms import LossTerm

SMALLEST_LAYER = 8
"""Height and width of the coarsest layers that the word `layers` means."""


class JacobianPenalty:
    """Penalizes changes along directions that are not orthogonal, at latents that are drawn anew for every evaluation.

    Args:
        generator: whose weights train.
        directions: one coefficient per direction, in its sigmas and on its layers.
        seed: of everything random.
        noise: the same in every call: `const`, or `none` if the GAN trains without noise; with another, the penalty would
            amplify noise that no other term sees.
        through_mapping: whether gradients reach the mapping network through the latents w; for a set in z they always do.

    Raises:
        ValueError: the generator does not have the outputs that the config names.
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
        self.form, self.through_mapping = config.of_form, through_mapping
        self.reductions, self.activations = penalized_outputs(generator, config.on)
        self.use(directions)

    def use(self, directions: Directions) -> None:
        """Replaces the directions that are penalized."""
        self.space = LatentSpace(self.generator, directions.space)
        self.moves = directions.moves(len(self.generator.layers)).to(self.generator.device)

    def term(self, first_step: int, end: int) -> LossTerm:
        """Returns the penalty as a term of the generator loss.

        Args:
            first_step: where the warm-up of its weight begins.
            end: the step after the last one.
        """
        config, annealed_from = self.config, anneal_start(self.config, first_step, end)

        def weight(step: int) -> float:
            if step >= annealed_from:
                return config.annealed_weight
            done = step - first_step
            warm = done / config.warmup_steps if config.warmup_steps else float(done >= 0)
            return config.weight * max(0.0, min(1.0, warm))

        return LossTerm("penalty", self.loss, config.batch_size, config.every, weight, exact=True)

    def loss(self, step: int, rows: slice) -> Float[Tensor, ""]:
        """Returns the mean penalty over all outputs for some of a step's latents."""
        draws = rng(self.seed, "penalty", step)
        total = self.config.batch_size
        latents = Latents(self.generator.sample_latents(total, draws), self.generator.sample_labels(total, draws))[rows]
        if self.space.name != "z":
            with torch.set_grad_enabled(self.through_mapping and torch.is_grad_enabled()):
                latents = Latents(self.generator.map(latents.values, latents.labels), latents.labels)
        coefficients = latents.values.new_zeros(len(latents), len(self.moves))

        def generate(strengths: Tensor) -> list[Tensor]:
            moves = torch.tensordot(strengths, self.moves, dims=1)
            image, *kept = self.space.outputs(latents, moves, self.activations, self.noise)
            return [F.avg_pool2d(image, factor) if factor > 1 else image for factor in self.reductions] + kept

        value = self._penalty(generate, coefficients, rows, draws)
        return value / (len(self.reductions) + len(self.activations))

    def _penalty(self, generate: Generate, coefficients: Tensor, rows: slice, draws: torch.Generator) -> Tensor:
        """Returns the penalty in its form, summed over outputs; signs and pairs are drawn for all rows of the step."""
        form, shape = self.form, (self.config.batch_size, len(self.moves))
        if isinstance(form, Cosine):
            order = torch.rand(shape, generator=draws).argsort(dim=1)[rows, : form.directions]
            return cosines(generate, coefficients, order.to(coefficients.device), form.epsilon)
        signs = rademacher((form.probes, *shape), coefficients.cpu(), draws)[:, rows].to(coefficients.device)
        penalize = hessian_penalty if isinstance(form, Hessian) else orojar
        return penalize(generate, coefficients, form.probes, form.epsilon, scale_free=form.scale_free, signs=signs)


def anneal_start(config: JacobianPenaltyConfig, first_step: int, end: int) -> float:
    """Returns the step from which the weight is annealed; arguments as in `JacobianPenalty.term`."""
    return end - config.anneal * (end - first_step)


def penalized_outputs(generator: Generator, on: Sequence[str]) -> tuple[list[int], list[int]]:
    """Returns `outputs`; raises an error if there are none.

    Raises:
        ValueError: as `outputs`, or there is nothing to penalize.
    """
    reductions, layers = outputs(generator, on)
    if not reductions and not layers:
        raise ValueError(f"on {tuple(on)} names nothing that {generator.family} has at this size: take image")
    return reductions, layers


def outputs(generator: Generator, on: Sequence[str]) -> tuple[list[int], list[int]]:
    """Returns the downsampling factor of each image that is named, and the indices of the named layers.

    Args:
        on: words such as `image`, `image/4`, `layers` or `3`.

    Raises:
        ValueError: a word that means nothing here; the message lists those that do.
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
