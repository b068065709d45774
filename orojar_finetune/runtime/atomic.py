"""Files and folders that appear whole or not at all: written beside their place, then renamed into it."""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A temporary file to write; it takes the place of `path` at the end, or vanishes when an error is raised."""
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
    """A temporary folder to fill; it takes the place of `folder` at the end, or vanishes when an error is raised.

    A link stays one, and the folder that it leads to is replaced. Of the folder that one is in the contents are, or its shell
    would be left in a folder that is gone; killed just then, the old ones are beside it.
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


def _is_current(folder: Path) -> bool:
    """Whether this process stands in a folder; it may stand in one that is gone."""
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
