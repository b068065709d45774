"""The checkpoints of a run: which there are, which to go on from, which to let go."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from orojar_finetune.training.state import COUNTERS, State

log = logging.getLogger("orojar")

PREFIX = "checkpoint-"
LEFT = "left-"
"""Before the name of a checkpoint that a run did not go on from, but from an earlier one."""
FIXED = ("run.seed", "trainable", "directions", "data")
"""Options without which a run is another run."""
FREE = (
    "run.max_train_steps",
    "run.resume_from_checkpoint",
    "run.checkpointing_steps",
    "run.checkpoints_total_limit",
    "run.validation_steps",
    "run.logging_steps",
    "run.report_to",
)
"""Options that may change on the way without a word."""


def checkpoints(folder: Path) -> list[Path]:
    """Those of a run, oldest first."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdecimal() and path.is_dir()]
    return sorted(found, key=step_of)


def step_of(path: Path) -> int:
    """The step at which a checkpoint was saved."""
    return int(path.name.removeprefix(PREFIX))


def prune(folder: Path, limit: int | None) -> None:
    """Removes all but the newest."""
    for path in [] if limit is None else checkpoints(folder)[:-limit]:
        shutil.rmtree(path)


def leave_later(folder: Path, step: int) -> None:
    """Renames checkpoints after a step that a run goes on from, so that none of them is taken for its latest."""
    for path in checkpoints(folder):
        if step_of(path) > step:
            aside = path.with_name(f"{LEFT}{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
            log.warning(f"{path.name} is later than step {step}, from which this run goes on: it is called {aside.name} now")


def resume(state: State, folder: Path, wanted: str | None) -> Path | None:
    """Puts a state where a checkpoint stands and says which, None where the run starts from its beginning.

    Args:
        state: with the options of the run that is to go on.
        wanted: `latest`, the name of a checkpoint, or None for none.

    Raises:
        ValueError: no such checkpoint, one of another run, or there are checkpoints of an earlier run that nobody wants to
            continue.
    """
    path = begins(folder, wanted)
    if path is not None:
        _compare(path, _options(path), state.options)
        state.load(path)
    return path


def begins(folder: Path, wanted: str | None) -> Path | None:
    """The checkpoint that a run begins at, None where it starts from its beginning.

    Raises:
        ValueError: no such checkpoint, or there are checkpoints of an earlier run that nobody wants to continue.
    """
    if wanted is not None:
        return chosen(folder, wanted)
    if found := checkpoints(folder):
        raise ValueError(
            f"{folder} holds {found[-1].name} of an earlier run: continue it with --resume-from-checkpoint latest, "
            "or choose another --output-dir"
        )
    return None


def chosen(folder: Path, wanted: str) -> Path | None:
    """The checkpoint to resume from; None where `latest` is wanted and there is none yet.

    Raises:
        ValueError: no such checkpoint; lists those there are.
    """
    found = checkpoints(folder)
    if wanted == "latest":
        return found[-1] if found else None
    path = Path(wanted) if Path(wanted).is_absolute() else folder / wanted
    if (path / COUNTERS).is_file():
        return path
    known = ", ".join(p.name for p in found) or "none"
    raise ValueError(f"there is no checkpoint {wanted} in {folder}; there are: {known}")


def _options(path: Path) -> dict[str, Any]:
    """Those of the run that saved a checkpoint, as far as they can be read; `State.load` says what is wrong with it."""
    try:
        return dict(json.loads((path / COUNTERS).read_text(encoding="utf-8"))["options"])
    except (OSError, KeyError, ValueError, TypeError):
        return {}


def _compare(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Says which options are others than before.

    Raises:
        ValueError: those that make a run another one.
    """
    others = [name for name in before.keys() & now.keys() - set(FREE) if before[name] != now[name]]
    for name in FIXED:
        if name in others:
            raise ValueError(
                f"{path} is of a run with {name} {before[name]}, and this one has {now[name]}: go on with the same, "
                "or choose another --output-dir"
            )
    if others:
        told = ", ".join(f"{name} {now[name]} (was {before[name]})" for name in sorted(others))
        log.warning(f"going on from {path.name} with other options than before: {told}")
