"""Exports to the formats of other projects, with a note of where the weights came from."""

import dataclasses
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file

from orojar_adapters import Discriminator, Generator
from orojar_adapters.writers import FORMATS
from orojar_adapters.writers.export import Export
from orojar_finetune.runtime.atomic import replacing
from orojar_finetune.sharing.model_folder import base_of, versions

SAFETENSORS = ".safetensors"


class Written(NamedTuple):
    """What an export wrote."""

    paths: list[Path]
    """The file of the generator first, the note last."""
    notes: list[str]
    """What to know before using the files."""
    left_out: str | None
    """Why the discriminator was left out, where it was."""


def write_export(target: Path, generator: Generator, format: str, discriminator: Discriminator | None = None) -> Written:
    """Writes a generator in a format of `FORMATS`, all files or none; existing files are never replaced.

    Beside `name.pt` goes `name.json` with the source, its license, and the arguments of that project's classes.

    Args:
        target: the file to write; without an ending it gets the format's usual one.

    Raises:
        ValueError: the format cannot hold the generator or does not have the ending, or a file of that name exists.
    """
    target = export_target(target, format)
    export = FORMATS[format].export(generator, discriminator)
    files = {target.with_name(f"{target.stem}{addition}{target.suffix}"): value for addition, value in export.files.items()}
    note = target.with_suffix(".json")
    _refuse_existing(*files, note)
    target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:  # the note is renamed first, being entered last: weights are never there without it
        places = {path: stack.enter_context(replacing(path)) for path in (*files, note)}
        for path, value in files.items():
            _write(places[path], value, path.suffix)
        places[note].write_text(json.dumps(_described(generator, format, export), indent=1) + "\n", encoding="utf-8")
    return Written([*files, note], export.notes, export.left_out)


def export_target(target: Path, format: str) -> Path:
    """Returns the file to write, with its ending.

    Raises:
        ValueError: the format does not have the ending, or a file or folder of that name exists.
    """
    suffixes = FORMATS[format].suffixes
    if not target.suffix:
        target = target.with_name(target.name + suffixes[0])
    if target.suffix not in suffixes:
        name = target.with_suffix(suffixes[0]).name
        raise ValueError(f"--to {format} writes {' or '.join(suffixes)}, not {target.suffix}: type {name}")
    _refuse_existing(target, target.with_suffix(".json"))
    return target


def _refuse_existing(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ValueError(f"{path} exists: choose another name, or remove it first")


def _write(path: Path, value: dict[str, Any], suffix: str) -> None:
    if suffix == SAFETENSORS:
        save_file(value, path, metadata={"format": "pt"})
        return
    with path.open("wb") as file:  # given a path, torch would store its temporary name inside
        torch.save(value, file)


def _described(generator: Generator, format: str, export: Export) -> dict[str, Any]:
    """Returns where the weights came from, under which license, and how to load them."""
    facts = generator.source_facts
    source = base_of(generator) if facts is None else dataclasses.replace(facts, base=None).described()
    return {
        "format": format,
        "license": source["license"],
        "source": source,
        "base": None if facts is None else facts.base,
        "networks": export.networks,
        "usage": export.usage,
        "notes": [*export.notes, *([f"without its discriminator: {export.left_out}"] if export.left_out else [])],
        "versions": versions(),
    }
