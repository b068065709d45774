"""What images are: paths between them, distances to real ones, and the true factors in them."""

from orojar_finetune.evaluation.findings import Figure, Findings, Matrix
from orojar_finetune.evaluation.subject import Missing, Subject, figure
from orojar_finetune.measures.distances import load_distance
from orojar_finetune.measures.effects import disentanglement_completeness, effects_by_latent, unmoved
from orojar_finetune.measures.frechet import Moments, frechet_distance
from orojar_finetune.measures.kernel_distance import kernel_distance
from orojar_finetune.measures.mutual_information_gap import codes_and_factors, mutual_information_gap
from orojar_finetune.measures.path_length import path_length, trimmed_mean
from orojar_finetune.measures.precision_recall import precision_recall
from orojar_finetune.scenes.reader import load_reader
from orojar_finetune.scenes.rendering import FACTORS

SUBSETS, SUBSET_SIZE = 20, 1000
"""Of the kernel distance: how many, and of how many images at most."""
CODED = 16
"""Latents behind the mutual information, for each of those that effects are measured at: they cost one image each."""


def measure_path_length(subject: Subject) -> Findings:
    """PPL in every space."""
    generator, config = subject.generator, subject.config
    distance = load_distance(config.distance, generator.device)
    found = Findings(subject.name)
    for space in ("z", "w"):
        if space in generator.spaces:
            values = path_length(generator, space, distance, subject.rng("path length"), config.pairs)
            found.figures[f"path length in {space}"] = figure(values, subject, trimmed_mean)
    found.notes.append(f"Path lengths are in the distance {config.distance!r}; other distances have other units.")
    return found


def measure_fidelity(subject: Subject) -> Findings:
    """Distances to real images."""
    extract = subject.extractor
    real, made = subject.real_features(extract), subject.generated_features(extract)
    moments = Moments.of(real)
    spread = moments.covariance.trace().item()
    size = min(SUBSET_SIZE, len(real) // 2)
    kernel = kernel_distance(made, real, rng=subject.rng("kernel distance"), subsets=SUBSETS, subset_size=size)
    found = precision_recall(made, real)
    return Findings(
        subject.name,
        figures={
            "frechet distance": Figure(frechet_distance(Moments.of(made), moments) / spread),
            "kernel distance": Figure(kernel.mean),
            "precision": Figure(found.precision),
            "recall": Figure(found.recall),
        },
        notes=[f"Distances to real images are between the features {subject.features!r} of {len(real)} images on each side."],
    )


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
    return Findings(
        subject.name,
        directions.names,
        {
            "disentanglement": figure(effects, subject, lambda some: disentanglement_completeness(some.mean(dim=0))[0]),
            "completeness": figure(effects, subject, lambda some: disentanglement_completeness(some.mean(dim=0))[1]),
            "mutual information gap": Figure(mutual_information_gap(codes, factors).mean().item()),
            "factors nobody moves": Figure(float(len(unmoved(mean.float())))),
        },
        matrices={"effects on the true factors": Matrix(FACTORS, tuple(map(tuple, mean.tolist())))},
    )
