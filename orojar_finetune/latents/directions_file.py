"""`directions.safetensors` and `directions.json`: several direction sets in one folder, never a pickle.

The JSON is written last and names the tensors it belongs to by their digest, so a run killed in between leaves the old sets.
"""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from orojar_adapters import CheckpointError
from orojar_adapters.opening.source import Source
from orojar_adapters.readers.checkpoint import brief
from orojar_adapters.readers.folder import read_json, read_tensors
from orojar_finetune.runtime.atomic import replacing

TENSORS, JSON = "directions.safetensors", "directions.json"
FORMAT = 1


def write(folder: Path, name: str, key: str, tensors: dict[str, Tensor], described: dict[str, Any]) -> None:
    """Writes one set, which becomes the first; replaces a set of the same name.

    Args:
        key: under which its tensors are kept; differs whenever they do.
        described: everything else about the set, as JSON.

    Raises:
        CheckpointError: sets that are there and cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sets = _read_json(folder / JSON) if (folder / JSON).is_file() else {}
    kept = _read_tensors(folder / TENSORS) if sets else {}
    used = {entry["tensors"] for entry in sets.values()}
    kept = {full: tensor for full, tensor in kept.items() if full.rpartition("/")[0] in used}
    kept |= {f"{key}/{part}": tensor for part, tensor in tensors.items()}
    sets = {name: {**described, "tensors": key}, **{other: entry for other, entry in sets.items() if other != name}}
    with replacing(folder / TENSORS) as path:
        save_file(kept, path)
    with replacing(folder / JSON) as path:
        path.write_text(json.dumps({"format": FORMAT, "sets": sets}, indent=1), encoding="utf-8")


def read(source: Source, name: str | None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and description of one set, the first where no name is given.

    Raises:
        CheckpointError: no directions, damaged ones, or no set of that name.
    """
    folder = _folder(source)
    sets = _read_json(folder / JSON)
    if not sets:
        raise CheckpointError(f"{source.text} holds an empty list of direction sets")
    if name is not None and name not in sets:
        raise CheckpointError(f"{source.text} has no direction set {name!r}; it has {', '.join(sets)}")
    described = dict(sets[name or next(iter(sets))])
    key = described.pop("tensors", None)
    stored = _read_tensors(folder / TENSORS)
    try:
        return {part: stored[f"{key}/{part}"] for part in ("basis", "sigmas")}, described
    except KeyError as e:
        raise CheckpointError(f"{folder / TENSORS} does not belong to its {JSON}, it has no {e}") from e


def names(source: Source) -> list[str]:
    """The sets of a folder or repository, none where there are none."""
    try:
        return list(_read_json(_folder(source) / JSON))
    except MissingDirectionsError:
        return []


def _folder(source: Source) -> Path:
    """Returns the local folder with both files, from one commit."""
    if source.file is not None and source.text.rstrip("/").endswith(source.file):
        raise MissingDirectionsError(f"{source.text} is one file; directions live in folders: orojar discover {source.text}")
    if not source.has(JSON):
        raise MissingDirectionsError(f"{source.text} holds no {JSON}; find directions with: orojar discover {source.text}")
    return source.folder((TENSORS, JSON))


class MissingDirectionsError(CheckpointError):
    """Raised for a folder or repository without directions."""


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return read_tensors(path)
    except (OSError, ValueError) as e:
        raise CheckpointError(f"{path} is damaged or does not belong to its {JSON} ({e})") from e


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
        sets = value["sets"]
        if value["format"] != FORMAT:
            raise CheckpointError(
                f"{path} has the format {brief(value['format'])}, this version reads {FORMAT}: upgrade orojar-finetune"
            )
        if not isinstance(sets, dict) or not all(isinstance(entry, dict) for entry in sets.values()):
            raise TypeError("sets must be an object of objects")
    except (ValueError, KeyError, TypeError, OSError) as e:
        if isinstance(e, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged ({type(e).__name__}: {str(e)[:200]})") from e
    return sets
