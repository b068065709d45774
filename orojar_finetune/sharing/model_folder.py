"""The folder that a run writes, the editor opens and `push` uploads: whole or not there at all."""

import dataclasses
import json
import logging
import os
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orojar_adapters import Adapter, Discriminator, Generator
from orojar_adapters.opening.address import name_of
from orojar_adapters.readers import adapter as adapters
from orojar_adapters.readers import folder as reader
from orojar_finetune.images import render
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.recipe import fingerprint
from orojar_finetune.runtime.atomic import replacing, replacing_folder
from orojar_finetune.sharing import card

log = logging.getLogger("orojar")

METRICS = reader.METRICS
PREVIEWS = "previews"
PREVIEW_FILES = ("samples.png", "direction_*.png", "traversal.gif")
STRIP_SEEDS = (0, 1, 2)
GRID_SEEDS = tuple(range(32))


def is_model_folder(path: Path) -> bool:
    """Whether a folder holds a generator of ours, whole or as an adapter; not one of another project that can be read."""
    return reader.matches(path) or adapters.matches(path)


def write_model_folder(
    folder: str | os.PathLike,
    generator: Generator,
    sets: Mapping[str, Directions] | None = None,
    config: Mapping[str, Any] | None = None,
    discriminator: Discriminator | None = None,
    metrics: Mapping[str, Any] | None = None,
    adapter: Adapter | None = None,
) -> None:
    """Writes a generator, its direction sets, previews and a card, atomically.

    A model folder that is there is carried over first: files of the user and earlier direction sets stay. What was measured
    of those sets goes where the weights are others now, and an evaluation where weights or evaluated sets are.

    Args:
        sets: by name; the first becomes the folder's default, which previews show.
        config: how it was made, beside what the folder says of that already.
        metrics: what else was measured, beside the scores of the direction sets.
        adapter: what the generator differs by from the adapter's base; it is then written instead of the whole weights.

    Raises:
        ValueError: something else or another generator is at that place, or an adapter without a base.
    """
    folder = Path(folder).expanduser()
    check_target(folder, generator)
    with replacing_folder(folder) as temporary:
        if folder.is_dir():
            shutil.copytree(folder, temporary, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        earlier = _read_provenance(temporary)
        provenance = {
            "base": base_of(generator),
            "weights": fingerprint(generator),
            "config": {**earlier.get("config", {}), **(config or {})},
            "versions": versions(),
        }
        reweighted = earlier.get("weights") not in (None, provenance["weights"])
        _write_weights(temporary, generator, adapter)
        if discriminator is not None:
            discriminator.save_pretrained(temporary / reader.DISCRIMINATOR)
        known, changed = _write_sets(temporary, sets or {}, reweighted, provenance["weights"])
        write_json(temporary / reader.PROVENANCE, provenance)
        before = _read_metrics(temporary)
        if reweighted or changed:
            before.pop("evaluation", None)
        of_sets = {name: {**directions.scores, "activity_of": directions.known_activity} for name, directions in known.items()}
        measured = {**before, "direction_sets": of_sets, **(metrics or {})}
        write_json(temporary / METRICS, measured)
        _write_previews(temporary / PREVIEWS, generator, next(iter(known.values()), None))
        card.write(temporary, generator, known, provenance["base"], adapter, measured)
        for path in temporary.rglob("*.safetensors"):
            path.chmod(0o644)  # the library writes them for the owner alone


def _write_sets(
    folder: Path, sets: Mapping[str, Directions], reweighted: bool, weights: str
) -> tuple[dict[str, Directions], bool]:
    """Adds sets to those of a folder, the first as its default; all are stamped with the fingerprint of these weights.

    Returns:
        All sets of the folder, the default first, and whether one of an earlier set's name is another one.
    """
    there = {name: Directions.load(folder, name) for name in Directions.list(folder)}
    kept = {name: directions for name, directions in there.items() if name not in sets}
    if reweighted and kept:
        log.warning("what was measured of %s is left out: the weights are others now", ", ".join(kept))
        kept = {name: d.unmeasured() for name, d in kept.items()}
    known = {name: dataclasses.replace(d, fingerprint=weights) for name, d in {**sets, **kept}.items()}
    for name in reversed(known):
        known[name].save(folder, name)
    return known, any(there[name].digest != sets[name].digest for name in there.keys() & sets.keys())


def add_evaluation(folder: Path, figures: Mapping[str, Any]) -> None:
    """Puts what an evaluation found into metrics.json and the card of a model folder; all else stays as it is.

    Raises:
        CheckpointError: a model folder that cannot be read.
    """
    measured = {**_read_metrics(folder), "evaluation": dict(figures)}
    with replacing(folder / METRICS) as temporary:
        write_json(temporary, measured)
    with replacing(folder / card.CARD) as temporary:
        temporary.write_text(card.with_evaluation(folder, figures), encoding="utf-8")


def _write_weights(folder: Path, generator: Generator, adapter: Adapter | None) -> None:
    """Writes the whole generator or the adapter alone; the folder holds one of the two."""
    for name in adapters.FILES if adapter is None else reader.FILES:
        (folder / name).unlink(missing_ok=True)
    if adapter is None:
        generator.save_pretrained(folder)
        return
    adapters.write(adapter, folder)
    if adapter.base_is_a_path:
        log.warning(
            "the adapter names %s, a path of this machine, as its base: elsewhere it cannot be used without that file. "
            "Write the whole generator with `orojar merge`, or tune from a base on the Hub",
            adapter.base,
        )


def default_target(source: str, ending: str) -> Path:
    """Where a command writes: a model folder itself, for other sources a folder named after them, in the current one."""
    path = Path(source).expanduser()
    return path if is_model_folder(path) else named_after(source, ending)


def named_after(source: str, ending: str) -> Path:
    """A folder in the current one that bears the name of a source; of a whole repository that of the repository."""
    return Path(f"{name_of(source)}-{ending}")


def check_target(folder: Path, generator: Generator | None = None) -> None:
    """Refuses a place where something else would be lost.

    Args:
        generator: that is to be written, once it is known.

    Raises:
        ValueError: a file, a folder that is neither empty nor a model folder, one that cannot be replaced, or one that holds
            another generator.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not is_model_folder(folder)):
        raise ValueError(f"{folder} exists and is no model folder: choose another place, or remove it first")
    if os.path.ismount(folder):
        raise ValueError(f"{folder} is where a disk is mounted and cannot be replaced whole: name a folder in it")
    if generator is None:
        return
    theirs, ours = _read_provenance(folder).get("base"), base_of(generator)
    if theirs and any(theirs.get(key) != ours.get(key) for key in ("source", "file")):
        raise ValueError(
            f"{folder} holds a generator made from {theirs.get('source') or 'nothing'}, and this one was made from "
            f"{ours.get('source') or 'nothing'}: choose another place, or remove it first"
        )


def check_weights(folder: Path, generator: Generator) -> None:
    """Refuses a model folder of other weights, where those that are there would be lost.

    Raises:
        ValueError: other weights than the generator's.
    """
    theirs = _read_provenance(folder).get("weights") if folder.is_dir() else None
    if theirs not in (None, fingerprint(generator)):
        raise ValueError(f"{folder} holds other weights than these: choose another place with --output-dir, or remove it first")


def base_of(generator: Generator) -> dict[str, Any]:
    """Where a generator's weights came from; for a model folder of ours what that was made from."""
    facts = generator.source_facts
    return {"source": None, "origin": "made in memory", "license": None} if facts is None else facts.described()


def versions() -> dict[str, str]:
    """Versions of what computes."""
    packages = ("torch", "diffusers", "accelerate", "orojar-finetune")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def _write_previews(folder: Path, generator: Generator, directions: Directions | None) -> None:
    folder.mkdir(exist_ok=True)
    for pattern in PREVIEW_FILES:
        for path in folder.glob(pattern):
            path.unlink()
    render.grid(render.samples(generator, GRID_SEEDS), columns=8).save(folder / "samples.png")
    if directions is None:
        return
    for i in range(len(directions)):
        render.strip(render.traversal(generator, directions, i, STRIP_SEEDS)).save(folder / f"direction_{i:02}.png")
    shown = range(min(4, len(directions)))
    render.save_gif(render.animation(generator, directions, STRIP_SEEDS[0], shown), folder / "traversal.gif")


def _read_provenance(folder: Path) -> dict[str, Any]:
    """What a folder says of how it was made."""
    path = folder / reader.PROVENANCE
    return reader.read_json(path) if path.is_file() else {}


def _read_metrics(folder: Path) -> dict[str, Any]:
    """What was measured before; it stays where nothing new is measured."""
    path = folder / METRICS
    return reader.read_json(path) if path.is_file() else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Plain data as JSON that a person can read."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
