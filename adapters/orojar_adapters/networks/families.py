"""The one table of generator families, and how other packages add theirs.

A package announces a family under the entry-point group `orojar_finetune.adapters`:

[project.entry-points."orojar_finetune.adapters"]
toy = "toy_package:ToyGenerator"        # a class on `Generator` whose `family` is "toy"
"""

import logging
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from orojar_adapters.contract.generator import Generator
from orojar_adapters.networks.biggan import BigGAN
from orojar_adapters.networks.biggan_deep import BigGANDeep
from orojar_adapters.networks.dcgan import DCGAN
from orojar_adapters.networks.pggan import PGGAN
from orojar_adapters.networks.stylegan import StyleGAN
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan3.generator import StyleGAN3

log = logging.getLogger("orojar")

GROUP = "orojar_finetune.adapters"
FAMILIES: dict[str, type[Generator]] = {
    "stylegan2": StyleGAN2,
    "stylegan3": StyleGAN3,
    "stylegan": StyleGAN,
    "pggan": PGGAN,
    "biggan": BigGAN,
    "biggan-deep": BigGANDeep,
    "dcgan": DCGAN,
}


def add_installed(families: dict[str, type[Generator]], announced: Iterable[EntryPoint] | None = None) -> None:
    """Adds the families of installed packages to a table; those that do not work are left out with a warning.

    Args:
        announced: entry points; None takes those of the installed packages.
    """
    for entry in entry_points(group=GROUP) if announced is None else announced:
        where = f"family {entry.name!r} of {entry.dist.name if entry.dist else entry.value}"
        try:
            cls = entry.load()
        except Exception as e:  # anything can be raised while another package's module is imported
            log.warning("%s is left out: %s: %s", where, type(e).__name__, e)
            continue
        if not (isinstance(cls, type) and issubclass(cls, Generator)):
            log.warning("%s is left out: %s is not a class on orojar_adapters.Generator", where, entry.value)
        elif getattr(cls, "family", None) != entry.name:
            log.warning("%s is left out: its class says family %r", where, getattr(cls, "family", None))
        elif families.setdefault(entry.name, cls) is not cls:
            log.warning("%s is left out: there is a family of this name already", where)
