"""`orojar inspect`."""

import dataclasses
import json
from typing import Any

from orojar_finetune.latents.opened import open_source
from orojar_finetune.verbs import Inspect


def run(options: Inspect) -> None:
    """Prints what a checkpoint is, as a list or as JSON."""
    facts = describe(options.source, options.revision)
    if options.json:
        print(json.dumps(facts, indent=1))
        return
    layers, features = facts.pop("layers"), facts.pop("feature_layers")
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        print(f"{key.replace('_', ' '):24}{'-' if shown in (None, '') else shown}")
    _list("layers (for --layers)", layers)
    if features != layers:
        _list("activations (for --method-options activations=..., penalty.on)", features)
    print("No code from the checkpoint was run.")


def _list(title: str, layers: list[dict[str, Any]]) -> None:
    print(title)
    for layer in layers:
        print(f"    {layer['index']:>3}  {layer['name']}")


def describe(source: str, revision: str | None) -> dict[str, Any]:
    """Returns everything known about a checkpoint, as plain data.

    Raises:
        CheckpointError: it cannot or must not be read.
    """
    opened = open_source(source, revision)
    generator, facts = opened.generator(), dataclasses.asdict(opened.facts)
    base, adapter = facts.pop("base"), facts.pop("adapter") or {}
    return {
        "family": generator.family,
        "resolution": generator.resolution,
        "channels": generator.image_channels,
        "latent_size": generator.latent_size,
        "w_size": generator.w_size,
        "num_classes": generator.num_classes,
        "parameters": sum(p.numel() for p in generator.parameters()),
        **{key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()},
        "has_discriminator": opened.has_discriminator(),
        "discriminator_problem": opened.discriminator_problem,
        "fingerprint": opened.fingerprint,
        "made_from": base and base.get("source"),
        **{f"adapter_{key}": adapter.get(key) for key in ("base", "revision", "rank")},
        "direction_sets": opened.direction_sets,
        "layers": [layer._asdict() for layer in generator.layers],
        "feature_layers": [layer._asdict() for layer in generator.feature_layers],
        "ran_code": False,
    }
