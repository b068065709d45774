"""`orojar merge`."""

from typing import Any

from orojar_adapters.readers.folder import METRICS, PROVENANCE, read_json
from orojar_finetune.latents.opened import Opened, open_source
from orojar_finetune.sharing.model_folder import check_target, write_model_folder
from orojar_finetune.verbs import Merge


def run(options: Merge) -> None:
    """Merges an adapter into its base and writes a model folder."""
    check_target(options.folder)
    opened = open_source(options.source, options.revision)
    if opened.facts.adapter is None:
        raise ValueError(f"{options.source} is a whole generator, not a LoRA adapter; to write a model folder: orojar convert")
    sets = {name: opened.directions(name, force=True) for name in opened.direction_sets}
    config = _kept(opened, PROVENANCE).get("config")
    metrics = {key: value for key, value in _kept(opened, METRICS).items() if key != "direction_sets"}
    generator = opened.generator()
    write_model_folder(
        options.folder,
        generator,
        sets,
        {**(config if isinstance(config, dict) else {}), "merged": opened.facts.adapter},
        opened.discriminator() if opened.has_discriminator() else None,
        metrics,
        previews=options.previews,
    )
    if opened.discriminator_problem:
        print(f"Left out the discriminator, which cannot be read: {opened.discriminator_problem}")
    print(f"Wrote the merged {generator.family} generator to {options.folder}")
    print(f"Edit:  orojar edit {options.folder}")


def _kept(opened: Opened, name: str) -> dict[str, Any]:
    return read_json(opened.source.path(name)) if opened.source.has(name) else {}
