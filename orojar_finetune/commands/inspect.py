"""`orojar inspect`."""

import dataclasses
import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orojar_adapters import FAMILIES, CheckpointError, Generator
from orojar_adapters.loading import build_generator, read_located
from orojar_adapters.outline import hub_scan, outline
from orojar_adapters.outline_zip import refused_by_names
from orojar_adapters.readers.checkpoint import Checkpoint
from orojar_adapters.sources import Located, Remote, fetch, find
from orojar_finetune.directions import Directions
from orojar_finetune.verbs import Inspect

log = logging.getLogger("orojar")


def run(options: Inspect) -> None:
    """Prints what a checkpoint is, as a list or as JSON."""
    facts = describe(options.source, options.revision)
    if options.json:
        print(json.dumps(facts, indent=1))
        return
    layers, features, scan = facts.pop("layers"), facts.pop("feature_layers"), facts.pop("hub_scan")
    facts["hub_scan"] = scan and f"{scan['status']} ({scan['file']})"
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        print(f"{key.replace('_', ' '):24}{'-' if shown in (None, '') else shown}")
    _list("layers (for --layers)", layers)
    if features != layers:
        _list("activations (for --activations, --penalty.on)", features)
    print("Nothing inside was run." if facts["weights_fetched"] else "Nothing inside was run; the weights stayed on the Hub.")


def _list(title: str, layers: list[dict[str, Any]]) -> None:
    print(title)
    for layer in layers:
        print(f"    {layer['index']:>3}  {layer['name']}")


def describe(source: str, revision: str | None) -> dict[str, Any]:
    """All that is known of a checkpoint, as plain data.

    Raises:
        CheckpointError: it cannot or must not be read.
    """
    found = find(source, revision)
    if isinstance(found, Remote):
        return _outlined(found, source, revision) or _facts(_read(fetch(found), source), source, revision, fetched=True)
    return _facts(_read(found, source), source, revision, fetched=True)


def _outlined(found: Remote, source: str, revision: str | None) -> dict[str, Any] | None:
    """The facts that can be told without the values of the weights, None where these are needed to be sure."""
    if found.file is not None and any(cls.read_file.__func__ is not Generator.read_file.__func__ for cls in FAMILIES.values()):
        return None  # nobody knows what another package's reader looks at
    with TemporaryDirectory() as scratch:
        located = outline(found, Path(scratch))
        if located is None:
            return None
        try:
            return _facts(_read(located, source), source, revision, fetched=False)
        except CheckpointError as e:
            if located.path.is_dir() or refused_by_names(located.path):
                raise
            log.debug("%s is fetched whole: %s", source, e)
            return None


def _read(located: Located, source: str) -> Checkpoint:
    return read_located(located, source, FAMILIES)


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
        "feature_layers": [layer._asdict() for layer in generator.feature_layers],
        "weights_fetched": fetched,
        "hub_scan": hub_scan(source, checkpoint.facts.file, revision),
        "ran_code": False,
    }
