"""What images are: paths between them, distances to real ones, and the true factors in them."""

from jaxtyping import Float
from torch import Tensor

from orojar_finetune.evaluation.subject import Missing, Subject, figure, figure_of
from orojar_finetune.measures.effects import disentanglement_completeness, effects_by_latent, unmoved
from orojar_finetune.measures.findings import Figure, Findings, Matrix
from orojar_finetune.measures.frechet import Moments, distance_of_rows, frechet_distance
from orojar_finetune.measures.kernel_distance import discrepancy_of_rows, kernel_distance
from orojar_finetune.measures.mutual_information_gap import codes_and_factors, mutual_information_gap
from orojar_finetune.measures.path_length import path_length, trimmed_mean
from orojar_finetune.measures.precision_recall import members
from orojar_finetune.scenes.reader import load_reader
from orojar_finetune.scenes.rendering import FACTORS

SUBSETS, SUBSET_SIZE = 20, 1000
"""Of the kernel distance: how many, and of how many images at most."""
MOST_RESAMPLED, WIDEST_RESAMPLED = 8192, 512
"""Images and features up to which distances have intervals: beyond, each of their resamples takes seconds."""
CODED = 16
"""Latents behind the mutual information, for each of those that effects are measured at: they cost one image each."""


def measure_path_length(subject: Subject) -> Findings:
    """PPL in every space."""
    generator, config = subject.generator, subject.config
    found = Findings(subject.name)
    for space in ("z", "w"):
        if space in generator.spaces:
            values = path_length(generator, space, subject.distance, subject.rng("path length"), config.pairs)
            found.figures[f"path length in {space}"] = figure(values, subject, trimmed_mean)
    found.notes.append(subject.distance_note)
    return found


def measure_fidelity(subject: Subject) -> Findings:
    """Distances to real images."""
    extract = subject.extractor
    real, made = subject.real_features(extract), subject.generated_features(extract)
    spread = Moments.of(real).covariance.trace().item()
    frechet = _frechet(made, real, subject)
    among_real, among_made = members(made, real)
    return Findings(
        subject.name,
        figures={
            "frechet distance": frechet.over(spread),
            "frechet distance, undivided": frechet,
            "kernel distance": _kernel(made, real, subject),
            "precision": figure(among_real.double(), subject),
            "recall": figure(among_made.double(), subject),
        },
        notes=[subject.features_note(f"Distances to real images are of {len(real)} images on each side, between")],
    )


def _frechet(made: Float[Tensor, "count features"], real: Float[Tensor, "count features"], subject: Subject) -> Figure:
    """With its interval over the generated images where the features are not too many."""
    moments = Moments.of(real)
    value = frechet_distance(Moments.of(made), moments)
    if len(made) > MOST_RESAMPLED or made.shape[1] > WIDEST_RESAMPLED:
        return Figure(value)
    return _around(value, figure_of(distance_of_rows(made, moments), len(made), subject))


def _kernel(made: Float[Tensor, "count features"], real: Float[Tensor, "count features"], subject: Subject) -> Figure:
    """With its interval over the generated images where they are not too many."""
    size = min(SUBSET_SIZE, len(real) // 2)
    value = kernel_distance(made, real, rng=subject.rng("kernel distance"), subsets=SUBSETS, subset_size=size).mean
    if len(made) > MOST_RESAMPLED:
        return Figure(value)
    return _around(value, figure_of(discrepancy_of_rows(made, real), len(made), subject, centred=False))


def _around(value: float, found: Figure) -> Figure:
    """The interval of a figure around the same one reckoned with more care."""
    return Figure(value, *(None if end is None else value + end - found.value for end in (found.low, found.high)))


def measure_ground_truth(subject: Subject) -> Findings:
    """Directions against the factors that scenes are made of."""
    directions = subject.need_directions()
    if subject.reals is None or subject.reals.features != "scenes":
        raise Missing("true factors are known of the built-in scenes alone: --data scenes, with a generator of them")
    reader = load_reader(subject.generator.device)
    effects = effects_by_latent(subject.generator, directions, reader, subject.config.latents, subject.config.seed)
    codes, factors = codes_and_factors(
        subject.generator, directions, reader, subject.rng("information"), CODED * subject.config.latents
    )
    mean = effects.mean(dim=0)
    idle = unmoved(mean.float())
    return Findings(
        subject.name,
        directions.names,
        {
            "disentanglement": figure(effects, subject, lambda some: disentanglement_completeness(some.mean(dim=0))[0]),
            "completeness": figure(effects, subject, lambda some: disentanglement_completeness(some.mean(dim=0))[1]),
            "mutual information gap": figure_of(
                lambda rows: mutual_information_gap(codes[rows], factors[rows]).mean(), len(codes), subject
            ),
            "factors nobody moves": figure(effects, subject, lambda some: float(len(unmoved(some.mean(dim=0).float())))),
        },
        matrices={"effects on the true factors": Matrix(FACTORS, tuple(map(tuple, mean.tolist())))},
        notes=[f"No direction of {subject.name} moves {', '.join(idle)}."] if idle else [],
    )
