"""What directions do: independence, size of the changes, what is kept, and what a network can tell of them."""

import statistics

import torch
from torch import Tensor

from orojar_finetune.evaluation.subject import Missing, Subject, figure, of_directions
from orojar_finetune.latents.gram import jacobian
from orojar_finetune.measures import held_out
from orojar_finetune.measures.activeness import activeness
from orojar_finetune.measures.coordinates import is_all_of_z
from orojar_finetune.measures.findings import Curve, Figure, Findings
from orojar_finetune.measures.orthogonality import squared_cosines
from orojar_finetune.measures.path_length import path_length_along, traversal_length, trimmed_mean
from orojar_finetune.measures.preservation import preservation
from orojar_finetune.measures.variation_predictability import generated_pairs, predictability
from orojar_finetune.runtime.processes import Processes

LARGEST_PAIR = 64
"""Pixels to which the images of pairs are averaged down: the network of the predictability is made for such."""
TRAVERSED = 32
"""Latents whose traversals are measured, at most: each takes 25 images a direction."""


def measure_independence(subject: Subject) -> Findings:
    """Orthogonality of the image and of the layers, and activity."""
    directions = subject.need_directions()
    generator, activations = subject.generator, subject.activations
    try:
        space = held_out.space_of(generator, directions)
    except ValueError as e:
        raise Missing(f"{e}; those of each range of layers can be measured by themselves") from e
    steps = space.narrow(directions.basis * directions.sigmas[:, None]).to(generator.device)
    anchors = space.sample(subject.config.latents, subject.rng("independence"))
    activities = held_out.activities_by_latent(space, anchors, steps, Processes(progress=False))

    def cosines(i: int) -> Tensor:
        """Of the image and of each layer."""
        changes = jacobian(space, anchors.rows(slice(i, i + 1)), steps, held_out.EPSILON, held_out.BATCH_SIZE, activations)
        return torch.stack([squared_cosines((c @ c.T)[None])[0] for c in changes])

    found = torch.stack([cosines(i) for i in range(len(anchors))])
    figures = {"orthogonality": figure(found[:, 0], subject), "activity": figure(activities.mean(dim=1), subject)}
    curves = {}
    if activations:
        figures["orthogonality of layers"] = figure(found[:, 1:].mean(dim=1), subject)
        of_layers = {"cos²": tuple(found[:, 1:].double().mean(dim=0).tolist())}
        curves["orthogonality by layer"] = Curve("layer", tuple(map(float, activations)), of_layers)
    return Findings(subject.name, directions.names, figures, {"activity": of_directions(activities, subject)}, curves=curves)


def measure_activeness(subject: Subject) -> Findings:
    """The authors' activeness."""
    directions = subject.need_directions()
    found = activeness(subject.generator, directions, subject.rng("activeness"), subject.config.latents)
    return Findings(
        subject.name,
        directions.names,
        {"activeness": figure(found.mean(dim=1), subject)},
        {"activeness": of_directions(found, subject)},
    )


def measure_traversal(subject: Subject) -> Findings:
    """PIPL, the speed of images along directions, and how far they travel from end to end."""
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
    """Of each column."""
    return torch.stack([trimmed_mean(column) for column in values.unbind(dim=1)])


def measure_preservation(subject: Subject) -> Findings:
    """What an edit of two sigmas keeps of an image's features, and of who is in it where there is a recogniser."""
    directions = subject.need_directions()
    extractors = {"preservation": subject.extractor}
    if subject.recogniser is not None:
        extractors["preservation of identity"] = subject.recogniser
    found = {
        name: preservation(subject.generator, directions, extract, subject.rng("preservation"), subject.config.latents)
        for name, extract in extractors.items()
    }
    return Findings(
        subject.name,
        directions.names,
        {name: figure(kept.mean(dim=1), subject) for name, kept in found.items()},
        {name: of_directions(kept, subject) for name, kept in found.items()},
        notes=[subject.features_note("Preservation is of")],
    )


def measure_predictability(subject: Subject) -> Findings:
    """VP: whether a network can tell which direction changed; for all coordinates of z as the paper draws them."""
    directions, config = subject.need_directions(), subject.config
    chosen = None if is_all_of_z(directions, subject.generator) else directions
    pairs = generated_pairs(subject.generator, chosen, subject.rng("pairs"), config.predictability_pairs, LARGEST_PAIR)
    device = subject.generator.device
    runs = [
        predictability(pairs, config.predictability_epochs, config.seed + i, device=device)
        for i in range(config.predictability_seeds)
    ]
    epochs = tuple(float(epoch + 1) for epoch in range(config.predictability_epochs))
    lines = {f"seed {config.seed + i}": run.accuracies for i, run in enumerate(runs)}
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
    """The mean, between the smallest and the largest."""
    return Figure(statistics.fmean(values), min(values), max(values)) if len(values) > 1 else Figure(values[0])
