"""Finds the state dicts in a torch file: the generator's, averaged weights first, and the discriminator's."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from orojar_adapters.readers.records import called
from orojar_adapters.readers.tensors import MOST_TENSORS, Tensors

PLACES = ("g_ema", "G_ema", "generator_smooth", "netG_ema", "gen_ema", "ema")
PLACES += ("netG_state_dict", "generator_state_dict", "G_state_dict", "state_dict", "model_state_dict")
PLACES += ("model", "generator", "netG", "gen", "G", "g")
"""Names under which training scripts save a generator's state dict, averaged weights first."""
WHOLE = "state dict"
"""The place of a state dict that is the whole file."""
DISCRIMINATOR = re.compile(r"(net_?)?(d|dis|disc|discriminator|critic)(_(ema|smooth|state_dict|weights))*", re.IGNORECASE)
"""Names under which training scripts save a discriminator's state dict."""
HOLDER = "models"
"""Name under which genforce's training script saves all networks."""
PREFIX = "module."
"""Prefix that DataParallel puts before every name."""


class StateDicts(NamedTuple):
    """The state dicts in a file.

    Attributes:
        places: those that may be a generator's, by their names in the file, in the order in which they are looked at.
        discriminators: those of discriminators, by their names in the file.
    """

    places: dict[str, Tensors]
    discriminators: dict[str, Tensors]

    def holds(self, place: str) -> tuple[str, ...]:
        """Returns the names of all networks, where the generator is at `place`."""
        return (*(name for name in self.places if name == place or name in PLACES), *self.discriminators)

    def unread_discriminator(self, whose: str) -> str | None:
        """Returns why a discriminator that no code here can compute is not read; None where the file has none."""
        for name in self.discriminators:
            return f"its {name!r} is the discriminator of {whose}, which cannot be computed here"
        return None


def state_dicts(value: Any, decode: Callable[[Any], Tensor]) -> StateDicts:
    """Finds what may be a state dict in a torch file's value: what lies at `PLACES`, the value itself, then anything else.

    Args:
        decode: returns the tensor of a record.
    """
    places: dict[str, Tensors] = {}
    discriminators: dict[str, Tensors] = {}
    seen: set[int] = set()  # one that is there under thousands of names is looked at once
    for holder in (value.get(HOLDER), value) if isinstance(value, dict) else ():
        for name, records in _entries(holder):
            if id(records) in seen:
                continue
            seen.add(id(records))
            found = [(str(key).removeprefix(PREFIX), record) for key, record in records.items() if called(record)]
            if not 0 < len(found) <= MOST_TENSORS:
                continue
            kind = discriminators if DISCRIMINATOR.fullmatch(name) else places
            kind.setdefault(name, Tensors(found, decode))
    return StateDicts(places, discriminators)


def _entries(holder: Any) -> list[tuple[str, dict[Any, Any]]]:
    """Returns the dictionaries in a holder of networks, and itself, in the order in which they are looked at."""
    if not isinstance(holder, dict):
        return []
    named = [(str(name)[:40], records) for name, records in holder.items() if isinstance(records, dict)]
    order = {name: i for i, name in enumerate((*PLACES, WHOLE))}
    return sorted([*named, (WHOLE, holder)], key=lambda entry: order.get(entry[0], len(order)))
