"""Families of other packages: what they announce under the entry-point group `orojar_finetune.adapters`.

[project.entry-points."orojar_finetune.adapters"]
toy = "toy_package:ToyGenerator"        # a class on `Generator` whose `family` is "toy"
"""

import logging
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from orojar_adapters.contract.generator import Generator

log = logging.getLogger("orojar")

GROUP = "orojar_finetune.adapters"


def add_installed(families: dict[str, type[Generator]], announced: Iterable[EntryPoint] | None = None) -> None:
    """Adds what is installed to the table of families. What does not work is said and left out: one bad package stops nobody.

    Args:
        announced: entry points; None takes those of the installed packages.
    """
    for entry in entry_points(group=GROUP) if announced is None else announced:
        where = f"family {entry.name!r} of {entry.dist.name if entry.dist else entry.value}"
        try:
            cls = entry.load()
        except Exception as e:  # whatever a stranger's module raises while it is imported
            log.warning("%s is left out: %s: %s", where, type(e).__name__, e)
            continue
        if not (isinstance(cls, type) and issubclass(cls, Generator)):
            log.warning("%s is left out: %s is no class on orojar_adapters.Generator", where, entry.value)
        elif getattr(cls, "family", None) != entry.name:
            log.warning("%s is left out: its class says family %r", where, getattr(cls, "family", None))
        elif families.setdefault(entry.name, cls) is not cls:
            log.warning("%s is left out: there is a family of this name already", where)
