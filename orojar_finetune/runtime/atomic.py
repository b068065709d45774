"""Atomic writes, and interrupts that wait for the end of a step: a stopped process leaves nothing half done."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yields a temporary file to write; it replaces `path` at the end, or is removed when an error is raised."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Generator[Path]:
    """Yields a temporary folder to fill; it replaces `folder` at the end, or is removed when an error is raised.

    If `folder` is a link, the folder it points to is replaced. If the current directory lies inside `folder`, its contents are
    swapped instead of the folder itself, so that the shell's working directory stays valid; if the process is killed in the
    middle of that, the old contents remain beside it in `.NAME.old.*`.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if folder.exists():
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
            move = _move_contents if _is_current(folder) else Path.replace
            move(folder, old)
            try:
                move(temporary, folder)
            except OSError:
                move(old, folder)
                raise
            shutil.rmtree(old)
        else:
            temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class Interrupt:
    """Makes Ctrl-C and SIGTERM wait for the end of a step: in this context they are noted; a second one stops at once.

    Outside the main thread signals cannot be caught, and nothing changes.

    Attributes:
        wanted: whether a signal has come.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True


def _is_current(folder: Path) -> bool:
    """Returns whether the current directory, which may have been deleted, lies in a folder."""
    try:
        return Path.cwd().is_relative_to(folder)
    except FileNotFoundError:
        return False


def _move_contents(source: Path, target: Path) -> None:
    for path in source.iterdir():
        path.replace(target / path.name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
