"""`orojar inspect`."""

import dataclasses
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orojar_adapters import FAMILIES, read_checkpoint
from orojar_adapters.loading import build_generator, read_located
from orojar_adapters.outline import hub_scan, outline
from orojar_adapters.readers.checkpoint import Checkpoint
from orojar_adapters.sources import locate, on_hub
from orojar_finetune.directions import Directions
from orojar_finetune.verbs import Inspect


def run(options: Inspect) -> None:
    """Prints what a checkpoint is, as a list or as JSON."""
    facts = describe(options.source, options.revision)
    if options.json:
        print(json.dumps(facts, indent=1))
        return
    layers, scan = facts.pop("layers"), facts.pop("hub_scan")
    facts["hub_scan"] = scan and f"{scan['status']} ({scan['file']})"
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        print(f"{key.replace('_', ' '):24}{'-' if shown in (None, '') else shown}")
    print("layers (for --layers)")
    for layer in layers:
        print(f"    {layer['index']:>3}  {layer['name']}")
    print("Nothing inside was run." if facts["weights_fetched"] else "Nothing inside was run; the weights stayed on the Hub.")


def describe(source: str, revision: str | None) -> dict[str, Any]:
    """All that is known of a checkpoint, as plain data.

    Raises:
        CheckpointError: it cannot or must not be read.
    """
    if on_hub(source, revision) is None:
        return _facts(read_checkpoint(source, FAMILIES, revision), source, revision, fetched=True)
    with TemporaryDirectory() as scratch:
        outlined = outline(source, Path(scratch), revision)
        checkpoint = read_located(outlined or locate(source, revision), source, FAMILIES)
        return _facts(checkpoint, source, revision, fetched=outlined is None)


def _facts(checkpoint: Checkpoint, source: str, revision: str | None, fetched: bool) -> dict[str, Any]:
    generator = build_generator(checkpoint, FAMILIES)
    facts = dataclasses.asdict(checkpoint.facts)
    base, adapter = facts.pop("base"), facts.pop("adapter") or {}
    return {
        "family": checkpoint.family,
        "resolution": generator.resolution,
        "channels": generator.image_channels,
        "latent_size": generator.latent_size,
        "w_size": generator.w_size,
        "num_classes": generator.num_classes,
        "parameters": sum(p.numel() for p in generator.parameters()),
        **{key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()},
        "made_from": base and base.get("source"),
        **{f"adapter_{key}": adapter.get(key) for key in ("base", "revision", "rank")},
        "direction_sets": Directions.list(source, revision) if facts["origin"] == "orojar-finetune" else [],
        "layers": [layer._asdict() for layer in generator.layers],
        "weights_fetched": fetched,
        "hub_scan": hub_scan(source, checkpoint.facts.file, revision),
        "ran_code": False,
    }
