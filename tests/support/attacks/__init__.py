"""Checkpoints that attack their readers: one table, made by code, so that no hostile file lies in the repository.

Whatever payload runs leaves a marker, `ran`, in the current folder: open them in an empty one.
"""

from attacks import commands, folders, networks, opcodes, torch_files
from attacks.attack import MARKER, Attack

CORPUS: list[Attack] = [
    *commands.ATTACKS,
    *opcodes.ATTACKS,
    *networks.ATTACKS,
    *torch_files.ATTACKS,
    *folders.ATTACKS,
]

__all__ = ["CORPUS", "MARKER", "Attack"]
