"""`orojar merge`."""

from pathlib import Path
from typing import Any

from orojar_adapters import FAMILIES, read_checkpoint
from orojar_adapters.opening.loading import build_discriminator, build_generator
from orojar_adapters.opening.sources import locate
from orojar_adapters.readers.folder import PROVENANCE, read_json
from orojar_finetune.latents.directions import Directions
from orojar_finetune.sharing.model_folder import METRICS, check_target, write_model_folder
from orojar_finetune.verbs import Merge


def run(options: Merge) -> None:
    """Writes the whole model folder of an adapter and its base."""
    check_target(options.folder)
    checkpoint = read_checkpoint(options.source, FAMILIES, options.revision)
    facts = checkpoint.facts
    if facts.adapter is None:
        raise ValueError(f"{options.source} is no adapter, its weights are whole; for a model folder of it: orojar convert")
    folder = locate(options.source, options.revision).path
    sets = {name: Directions.load(folder, name) for name in Directions.list(folder)}
    config = _kept(folder / PROVENANCE).get("config")
    metrics = {key: value for key, value in _kept(folder / METRICS).items() if key != "direction_sets"}
    write_model_folder(
        options.folder,
        build_generator(checkpoint, FAMILIES),
        sets,
        {**(config if isinstance(config, dict) else {}), "merged": facts.adapter},
        build_discriminator(checkpoint) if checkpoint.discriminator else None,
        metrics,
    )
    if checkpoint.discriminator_problem:
        print(f"Left out its discriminator: {checkpoint.discriminator_problem}")
    print(f"Wrote the whole {checkpoint.family} generator to {options.folder}")
    print(f"Edit:  orojar edit {options.folder}")


def _kept(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}
