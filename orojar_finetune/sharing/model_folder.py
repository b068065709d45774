"""The model folder that a run writes, the editor opens and `push` uploads, written atomically."""

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
from orojar_adapters.readers.detect import is_model_folder
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.recipe import fingerprint
from orojar_finetune.runtime.atomic import replacing, replacing_folder
from orojar_finetune.sharing import Previews, card
from orojar_finetune.sharing import previews as pictures

log = logging.getLogger("orojar")


def write_model_folder(
    folder: str | os.PathLike,
    generator: Generator,
    sets: Mapping[str, Directions] | None = None,
    config: Mapping[str, Any] | None = None,
    discriminator: Discriminator | None = None,
    metrics: Mapping[str, Any] | None = None,
    adapter: Adapter | None = None,
    previews: Previews = "small",
) -> None:
    """Writes a generator, its direction sets, previews and a model card as one folder, atomically.

    What an existing model folder holds is carried over: other files and earlier direction sets stay. Measurements of those
    sets are dropped when the weights have changed, an evaluation when the weights or an evaluated set have.

    Args:
        sets: by name; the first becomes the folder's default, which the previews show.
        config: how it was made, added to what the folder says of that already.
        metrics: what else was measured, beside the scores of the direction sets.
        adapter: difference of the generator to the adapter's base, written in the place of the whole weights.
        previews: `none` draws nothing, `small` what the card needs, `full` larger pictures and a longer animation.

    Raises:
        ValueError: something else or another generator is at that place, or an adapter without a base.
    """
    folder = Path(folder).expanduser()
    pictures.check(previews)
    check_target(folder, generator)
    with replacing_folder(folder) as temporary:
        if folder.is_dir():
            shutil.copytree(folder, temporary, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        earlier, metrics_before = _read(temporary, reader.PROVENANCE), _read(temporary, reader.METRICS)
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
        if reweighted or changed:
            metrics_before.pop("evaluation", None)
        of_sets = {name: {**directions.scores, "activity_of": directions.known_activity} for name, directions in known.items()}
        measured = {**metrics_before, "direction_sets": of_sets, **(metrics or {})}
        write_json(temporary / reader.METRICS, measured)
        pictures.write(temporary, generator, next(iter(known.values()), None), previews)
        card.write(temporary, generator, known, provenance["base"], adapter, measured)
        for path in temporary.rglob("*.safetensors"):
            path.chmod(0o644)  # the library writes them for the owner alone


def _write_sets(
    folder: Path, sets: Mapping[str, Directions], reweighted: bool, weights: str
) -> tuple[dict[str, Directions], bool]:
    """Adds sets to those of a folder, the first as its default; all are stamped with the fingerprint of these weights.

    Returns:
        All sets of the folder, the default first, and whether a set took the name of one with other directions.
    """
    there = {name: Directions.load(folder, name) for name in Directions.list(folder)}
    kept = {name: directions for name, directions in there.items() if name not in sets}
    if reweighted and kept:
        log.warning("the weights have changed, so the measurements of %s are dropped", ", ".join(kept))
        kept = {name: d.unmeasured() for name, d in kept.items()}
    known = {name: dataclasses.replace(d, fingerprint=weights) for name, d in {**sets, **kept}.items()}
    for name in reversed(known):
        known[name].save(folder, name)
    return known, any(there[name].digest != sets[name].digest for name in there.keys() & sets.keys())


def add_evaluation(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """Writes an evaluation into metrics.json and the card of a model folder.

    Raises:
        CheckpointError: a metrics.json that cannot be read.
    """
    metrics = {**_read(folder, reader.METRICS), "evaluation": dict(evaluation)}
    with replacing(folder / reader.METRICS) as temporary:
        write_json(temporary, metrics)
    with replacing(folder / card.CARD) as temporary:
        temporary.write_text(card.with_evaluation(folder, evaluation), encoding="utf-8")


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
            "the base of the adapter is %s, a path on this machine: elsewhere the adapter is useless without that file. "
            "Write the whole generator with `orojar merge`, or fine-tune a base that is on the Hub",
            adapter.base,
        )


def default_target(source: str, ending: str) -> Path:
    """Returns the default output folder: a local model folder itself, otherwise a folder named after the source."""
    path = Path(source).expanduser()
    return path if is_model_folder(path) else named_after(source, ending)


def named_after(source: str, ending: str) -> Path:
    """Returns a folder in the current one named after a source, such as `ffhq-orojar` for `user/ffhq`."""
    return Path(f"{name_of(source)}-{ending}")


def check_target(folder: Path, generator: Generator | None = None) -> None:
    """Raises an error if writing to a folder would destroy something else.

    Args:
        generator: the one to be written, once it is known.

    Raises:
        ValueError: it is a file, neither empty nor a model folder, a mount point, or holds another generator.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not is_model_folder(folder)):
        raise ValueError(f"{folder} exists but is not a model folder: choose another folder, or remove it first")
    if os.path.ismount(folder):
        raise ValueError(f"{folder} is a mount point and cannot be replaced: choose a folder inside it")
    if generator is None:
        return
    theirs, ours = _read(folder, reader.PROVENANCE).get("base"), base_of(generator)
    if theirs and any(theirs.get(key) != ours.get(key) for key in ("source", "file")):
        raise ValueError(
            f"{folder} holds a generator made from {theirs.get('source') or 'nothing'}, and this one was made from "
            f"{ours.get('source') or 'nothing'}: choose another folder, or remove it first"
        )


def check_weights(folder: Path, generator: Generator) -> None:
    """Raises an error if a model folder holds other weights, which would be lost.

    Raises:
        ValueError: other weights than the generator's.
    """
    theirs = _read(folder, reader.PROVENANCE).get("weights")
    if theirs not in (None, fingerprint(generator)):
        raise ValueError(f"{folder} holds other weights: choose another folder with --output-dir, or remove it first")


def base_of(generator: Generator) -> dict[str, Any]:
    """Returns where a generator's weights came from; for a model folder, the original source."""
    facts = generator.source_facts
    return {"source": None, "origin": "made in memory", "license": None} if facts is None else facts.described()


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that compute."""
    packages = ("torch", "diffusers", "accelerate", "orojar-finetune")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def _read(folder: Path, name: str) -> dict[str, Any]:
    """Returns a JSON file of a folder; {} if there is none."""
    path = folder / name
    return reader.read_json(path) if path.is_file() else {}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes plain data as indented JSON."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
