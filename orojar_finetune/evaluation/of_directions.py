"""Measures of directions: off-diagonal share, activity, activeness, path lengths, preservation, predictability."""

import statistics
from typing import NamedTuple

import torch
from torch import Tensor

from orojar_finetune.evaluation.subject import BATCH, Subject, figure, of_directions
from orojar_finetune.latents.coordinates import is_all_of_z
from orojar_finetune.measures.activeness import activeness
from orojar_finetune.measures.direction_set import (
    effective_directions,
    measure_directions,
    off_diagonal_cos2,
    off_diagonal_share,
)
from orojar_finetune.measures.findings import Curve, Figure, Findings
from orojar_finetune.measures.path_length import path_length_along, traversal_length, trimmed_mean
from orojar_finetune.measures.preservation import preservation
from orojar_finetune.measures.variation_predictability import generated_pairs, predictability

LARGEST_PAIR = 64
"""Pixels to which the images of pairs are averaged down: VP's network is made for this size."""
TRAVERSED = 32
"""Maximum number of latents whose traversals are measured: each takes 25 images per direction."""


class Budget(NamedTuple):
    """What variation predictability is measured on: pairs (a tenth of them for training), epochs, networks."""

    pairs: int
    epochs: int
    seeds: int


PREDICTABILITY = {"quick": Budget(10_000, 30, 3), "paper": Budget(10_000, 300, 3)}


def measure_off_diagonal(subject: Subject) -> Findings:
    """Measures off-diagonal share and cos² of the image and of the layers, effective directions, and activity."""
    directions, activations = subject.need_directions(), subject.activations
    scores = subject.scores
    if scores is None:
        config = subject.config
        scores = measure_directions(
            subject.generator, directions, config.latents, config.seed, batch_size=BATCH, activations=activations
        )
    figures = {
        "off_diagonal_share": figure(off_diagonal_share(scores.grams), subject),
        "effective_directions": figure(effective_directions(scores.grams), subject),
        "off_diagonal_cos2": figure(off_diagonal_cos2(scores.grams), subject),
        "activity": figure(scores.activities.mean(dim=1), subject),
    }
    curves = {}
    if activations:
        share, cos2 = (torch.stack(list(map(of, scores.layer_grams))) for of in (off_diagonal_share, off_diagonal_cos2))
        figures["off_diagonal_share of layers"] = figure(share.mean(dim=0), subject)
        figures["off_diagonal_cos2 of layers"] = figure(cos2.mean(dim=0), subject)
        lines = {"share": tuple(share.mean(dim=1).tolist()), "cos²": tuple(cos2.mean(dim=1).tolist())}
        curves["off-diagonal by layer"] = Curve("layer", tuple(map(float, activations)), lines)
    per_direction = {"activity": of_directions(scores.activities, subject)}
    return Findings(subject.name, directions.names, figures, per_direction, curves=curves)


def measure_activeness(subject: Subject) -> Findings:
    """Measures the paper's activeness."""
    directions = subject.need_directions()
    values = activeness(subject.generator, directions, subject.rng("activeness"), subject.config.latents)
    return Findings(
        subject.name,
        directions.names,
        {"activeness": figure(values.mean(dim=1), subject)},
        {"activeness": of_directions(values, subject)},
    )


def measure_traversal(subject: Subject) -> Findings:
    """Measures PIPL, the speed of images along directions, and the length of whole traversals."""
    directions, generator, config = subject.need_directions(), subject.generator, subject.config
    distance = subject.distance
    speeds = path_length_along(generator, directions, distance, subject.rng("traversal"), config.latents)
    lengths = traversal_length(generator, directions, distance, subject.rng("traversal"), min(config.latents, TRAVERSED))
    return Findings(
        subject.name,
        directions.names,
        {
            "path length along directions": figure(speeds, subject, trimmed_mean),
            "traversal length": figure(lengths.mean(dim=1), subject),
        },
        {
            "path length along directions": of_directions(speeds, subject, _trimmed_means),
            "traversal length": of_directions(lengths, subject),
        },
        notes=[subject.distance_note],
    )


def _trimmed_means(values: Tensor) -> Tensor:
    """Returns the trimmed mean of each column."""
    return torch.stack([trimmed_mean(column) for column in values.unbind(dim=1)])


def measure_preservation(subject: Subject) -> Findings:
    """Measures how well an edit of two sigmas preserves an image's features, and the identity if a network is given."""
    directions = subject.need_directions()
    extractors = {"preservation": subject.extractor}
    if subject.recognizer is not None:
        extractors["preservation of identity"] = subject.recognizer
    kept = {
        name: preservation(subject.generator, directions, extract, subject.rng("preservation"), subject.config.latents)
        for name, extract in extractors.items()
    }
    return Findings(
        subject.name,
        directions.names,
        {name: figure(values.mean(dim=1), subject) for name, values in kept.items()},
        {name: of_directions(values, subject) for name, values in kept.items()},
        notes=[subject.features_note("Preservation is measured in")],
    )


def measure_predictability(subject: Subject) -> Findings:
    """Measures VP: how often a network recognizes which direction changed, trained and tested once per seed."""
    directions, config = subject.need_directions(), subject.config
    budget = PREDICTABILITY[config.predictability]
    chosen = None if is_all_of_z(directions, subject.generator) else directions
    pairs = generated_pairs(subject.generator, chosen, subject.rng("pairs"), budget.pairs, LARGEST_PAIR)
    seeds = range(config.seed, config.seed + budget.seeds)
    runs = [predictability(pairs, budget.epochs, seed, device=subject.generator.device) for seed in seeds]
    epochs = tuple(float(epoch + 1) for epoch in range(budget.epochs))
    lines = {f"seed {seed}": run.accuracies for seed, run in zip(seeds, runs, strict=True)}
    return Findings(
        subject.name,
        figures={
            "predictability, best epoch": _over_seeds([run.best for run in runs]),
            "predictability, last epoch": _over_seeds([run.last for run in runs]),
            "predictability, by chance": Figure(runs[0].chance),
        },
        curves={"predictability by epoch": Curve("epoch", epochs, lines)},
    )


def _over_seeds(values: list[float]) -> Figure:
    """Returns the mean over seeds, with the smallest and the largest value as its interval."""
    return Figure(statistics.fmean(values), min(values), max(values)) if len(values) > 1 else Figure(values[0])
