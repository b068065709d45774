"""What an attack is."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MARKER = "ran"
COMMAND = f"touch {MARKER}"
SOURCE = f"open({MARKER!r}, 'w').close()"
"""The payload as a command of the shell, and as Python source."""


class Attack(NamedTuple):
    """One hostile file or folder.

    Attributes:
        name: what it tries.
        write: writes it into an empty folder, and gives what there is to open.
        live: whether Python's or torch's own loader runs its payload.
        beside: whether it lies beside a generator, which loads without it: then `orojar inspect` refuses it.
        harmless: why it may load: its payload is then data that nothing looks at.
    """

    name: str
    write: Callable[[Path], Path]
    live: bool = False
    harmless: str = ""
    beside: bool = False


def of_bytes(name: str, data: bytes | Callable[[], bytes], file: str, live: bool = False, harmless: str = "") -> Attack:
    """An attack that is one file."""

    def write(folder: Path) -> Path:
        path = folder / file
        path.write_bytes(data() if callable(data) else data)
        return path

    return Attack(name, write, live, harmless)
