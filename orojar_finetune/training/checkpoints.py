"""The checkpoints of a run: list them, choose one to resume from, remove old ones."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from orojar_finetune.training.state import COUNTERS, State

log = logging.getLogger("orojar")

PREFIX = "checkpoint-"
ASIDE = "left-"
"""Prefix of checkpoints that are later than the one a run resumed from."""
FIXED = ("run.seed", "trainable", "directions", "data")
"""Options that cannot change when a run resumes."""
FREE = (
    "run.max_train_steps",
    "run.resume_from_checkpoint",
    "run.checkpointing_steps",
    "run.checkpoints_total_limit",
    "run.validation_steps",
    "run.logging_steps",
    "run.report_to",
)
"""Options that may change without a warning."""


def checkpoints(folder: Path) -> list[Path]:
    """Returns the checkpoints of a run, oldest first."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdecimal() and path.is_dir()]
    return sorted(found, key=step_of)


def step_of(path: Path) -> int:
    """Returns the step at which a checkpoint was saved."""
    return int(path.name.removeprefix(PREFIX))


def prune(folder: Path, limit: int | None) -> None:
    """Removes all checkpoints but the newest ones."""
    for path in [] if limit is None else checkpoints(folder)[:-limit]:
        shutil.rmtree(path)


def set_later_aside(folder: Path, step: int) -> None:
    """Renames checkpoints later than the step that a run resumes from, so that none is mistaken for the latest."""
    for path in checkpoints(folder):
        if step_of(path) > step:
            aside = path.with_name(f"{ASIDE}{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
            log.warning(f"this run resumes from step {step}: renamed the later {path.name} to {aside.name}")


def resume(state: State, folder: Path, wanted: str | None) -> Path | None:
    """Loads a checkpoint into a state and returns its path; None if the run starts from the beginning.

    Args:
        state: with the options of the run that is to be resumed.
        wanted: `latest`, the name of a checkpoint, or None.

    Raises:
        ValueError: there is no such checkpoint, it is of another run, or the folder holds an earlier run that is not resumed.
    """
    path = starting_checkpoint(folder, wanted)
    if path is not None:
        _compare(path, _options(path), state.options)
        state.load(path)
    return path


def starting_checkpoint(folder: Path, wanted: str | None) -> Path | None:
    """Returns the checkpoint that a run starts from, or None if it starts from the beginning.

    Raises:
        ValueError: there is no such checkpoint, or the folder holds an earlier run that is not resumed.
    """
    if wanted is not None:
        return _chosen(folder, wanted)
    if found := checkpoints(folder):
        raise ValueError(
            f"{folder} holds {found[-1].name} of an earlier run: resume it with --resume-from-checkpoint latest, "
            "or choose another --output-dir"
        )
    return None


def _chosen(folder: Path, wanted: str) -> Path | None:
    """Returns the checkpoint of that name, or the latest one; None for `latest` if there is none yet.

    Raises:
        ValueError: there is no such checkpoint; the message lists the existing ones.
    """
    found = checkpoints(folder)
    if wanted == "latest":
        return found[-1] if found else None
    path = Path(wanted) if Path(wanted).is_absolute() else folder / wanted
    if (path / COUNTERS).is_file():
        return path
    known = ", ".join(p.name for p in found) or "none"
    raise ValueError(f"there is no checkpoint {wanted} in {folder}; existing: {known}")


def _options(path: Path) -> dict[str, Any]:
    """Returns the options saved with a checkpoint; {} if it is damaged, which `State.load` reports."""
    try:
        return dict(json.loads((path / COUNTERS).read_text(encoding="utf-8"))["options"])
    except (OSError, KeyError, ValueError, TypeError):
        return {}


def _compare(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Warns of options that changed.

    Raises:
        ValueError: an option changed that must not.
    """
    others = [name for name in before.keys() & now.keys() - set(FREE) if before[name] != now[name]]
    for name in FIXED:
        if name in others:
            raise ValueError(
                f"{path} is of a run with {name} {before[name]}, and this one has {now[name]}: resume it with the same value, "
                "or choose another --output-dir"
            )
    if others:
        changes = ", ".join(f"{name} {now[name]} (was {before[name]})" for name in sorted(others))
        log.warning(f"resuming from {path.name} with other options than before: {changes}")
