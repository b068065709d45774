"""One table of measures: each takes a subject and says what it found."""

from collections.abc import Callable

import torch

from orojar_finetune.evaluation import of_directions, of_images
from orojar_finetune.evaluation.subject import Missing, Subject
from orojar_finetune.measures.findings import Findings

Measure = Callable[[Subject], Findings]

MEASURES: dict[str, Measure] = {
    "independence": of_directions.measure_independence,
    "activeness": of_directions.measure_activeness,
    "path-length": of_images.measure_path_length,
    "traversal": of_directions.measure_traversal,
    "preservation": of_directions.measure_preservation,
    "fidelity": of_images.measure_fidelity,
    "ground-truth": of_images.measure_ground_truth,
    "predictability": of_directions.measure_predictability,
}
"""By name, in the order in which they are taken."""


@torch.no_grad()
def measure(subject: Subject) -> Findings:
    """All that the subject's config names; what a subject lacks something for is noted with the reason.

    Raises:
        ValueError: an option that does not fit, such as features that cannot be had; before anything is measured.
    """
    subject.check()
    names = () if subject.directions is None else subject.directions.names
    found = Findings(subject.name, names)
    for name, take in MEASURES.items():
        if name in subject.config.measures:
            try:
                found.add(take(subject))
            except Missing as e:
                found.notes.append(f"{name} was left out: {e}")
    return found
