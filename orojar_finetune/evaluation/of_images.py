"""Measures of images: path lengths, distances to real images, and the true factors of scenes."""

from jaxtyping import Float
from torch import Tensor

from orojar_finetune.evaluation.subject import Missing, Subject, figure, figure_of
from orojar_finetune.measures.findings import Figure, Findings, Matrix
from orojar_finetune.measures.frechet import Moments, distance_of_rows, frechet_distance
from orojar_finetune.measures.ground_truth import disentanglement_completeness, effects_by_latent, unmoved
from orojar_finetune.measures.kernel_distance import discrepancy_of_rows, kernel_distance
from orojar_finetune.measures.mutual_information_gap import codes_and_factors, mutual_information_gap
from orojar_finetune.measures.path_length import path_length, trimmed_mean
from orojar_finetune.measures.precision_recall import members
from orojar_finetune.scenes.reader import load_reader
from orojar_finetune.scenes.rendering import FACTORS

SUBSETS, SUBSET_SIZE = 20, 1000
"""Number of subsets of the kernel distance, and their maximum size."""
MOST_RESAMPLED, WIDEST_RESAMPLED = 8192, 512
"""Maximum numbers of images and features for which distances have intervals: beyond, each resample takes seconds."""
CODED = 16
"""Latents behind the mutual information, as a multiple of those at which effects are measured; each costs one image."""


def measure_path_length(subject: Subject) -> Findings:
    """Measures PPL in every latent space."""
    generator, config = subject.generator, subject.config
    findings = Findings(subject.name)
    for space in ("z", "w"):
        if space in generator.spaces:
            values = path_length(generator, space, subject.distance, subject.rng("path length"), config.pairs)
            findings.figures[f"path length in {space}"] = figure(values, subject, trimmed_mean)
    findings.notes.append(subject.distance_note)
    return findings


def measure_fidelity(subject: Subject) -> Findings:
    """Measures distances to real images, precision and recall."""
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
        notes=[subject.features_note(f"Distances to real images are between {len(real)} images on each side, in")],
    )


def _frechet(made: Float[Tensor, "count features"], real: Float[Tensor, "count features"], subject: Subject) -> Figure:
    """The Fréchet distance, with its interval over generated images if the features are not too many."""
    moments = Moments.of(real)
    value = frechet_distance(Moments.of(made), moments)
    if len(made) > MOST_RESAMPLED or made.shape[1] > WIDEST_RESAMPLED:
        return Figure(value)
    return _around(value, figure_of(distance_of_rows(made, moments), len(made), subject))


def _kernel(made: Float[Tensor, "count features"], real: Float[Tensor, "count features"], subject: Subject) -> Figure:
    """The kernel distance, with its interval over generated images if they are not too many."""
    size = min(SUBSET_SIZE, len(real) // 2)
    value = kernel_distance(made, real, rng=subject.rng("kernel distance"), subsets=SUBSETS, subset_size=size).mean
    if len(made) > MOST_RESAMPLED:
        return Figure(value)
    return _around(value, figure_of(discrepancy_of_rows(made, real), len(made), subject, centered=False))


def _around(value: float, rough: Figure) -> Figure:
    """Returns an interval shifted from an approximate value to the exact one."""
    return Figure(value, *(None if end is None else value + end - rough.value for end in (rough.low, rough.high)))


def measure_ground_truth(subject: Subject) -> Findings:
    """Measures directions against the true factors of scenes: DCI and MIG."""
    directions = subject.need_directions()
    if subject.real_images is None or subject.real_images.features != "scenes":
        raise Missing("true factors are only known for the built-in scenes: --data scenes, with a generator of them")
    reader = load_reader(subject.generator.device)
    effects = effects_by_latent(subject.generator, directions, reader, subject.config.latents, subject.config.seed)
    codes, factors = codes_and_factors(
        subject.generator, directions, reader, subject.rng("information"), CODED * subject.config.latents
    )
    mean = effects.mean(dim=0)
    still = unmoved(mean.float())
    return Findings(
        subject.name,
        directions.names,
        {
            "disentanglement": figure(effects, subject, lambda some: disentanglement_completeness(some.mean(dim=0))[0]),
            "completeness": figure(effects, subject, lambda some: disentanglement_completeness(some.mean(dim=0))[1]),
            "mutual information gap": figure_of(
                lambda rows: mutual_information_gap(codes[rows], factors[rows]).mean(), len(codes), subject
            ),
            "unmoved factors": figure(effects, subject, lambda some: float(len(unmoved(some.mean(dim=0).float())))),
        },
        matrices={"effects on the true factors": Matrix(FACTORS, tuple(map(tuple, mean.tolist())))},
        notes=[f"No direction of {subject.name} moves {', '.join(still)}."] if still else [],
    )
