"""Files of genforce's code (genforce and SeFa repositories): `generator_smooth`, `generator` and `discriminator`.

The names of the layers tell the family; sizes are only in the shapes. Settings that the files do not keep are taken as that
code's defaults: no tanh at the end, the mapping's learning-rate multiplier of 0.01.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.readers import genforce_pggan, genforce_stylegan, genforce_stylegan2
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt
from orojar_adapters.readers.state_dict import PREFIX, StateDict
from orojar_adapters.readers.tensors import TensorReader
from orojar_adapters.readers.unpickle import Pickle

GENERATORS = ("generator_smooth", "generator")
"""The averaged one first."""


class Reader(NamedTuple):
    """How a family is told, and read: its generator, with the discriminator beside it, then that itself where it is read."""

    marks: set[str]
    generator: Callable[[StateDict, StateDict | None], Weights]
    discriminator: Callable[[StateDict], Weights] | None = None


READERS = {
    "stylegan2": Reader(
        genforce_stylegan2.MARKS, lambda old, _: genforce_stylegan2.generator(old), genforce_stylegan2.discriminator
    ),
    "stylegan": Reader(genforce_stylegan.MARKS, lambda old, _: genforce_stylegan.generator(old)),
    "pggan": Reader(genforce_pggan.MARKS, genforce_pggan.generator),
}


class _Found(NamedTuple):
    family: str
    generator: dict[str, Any]
    discriminator: dict[str, Any] | None
    holds: tuple[str, ...]


def matches(value: Any) -> bool:
    """Whether a torch file's value is one of genforce's generators."""
    return _find(value) is not None


def read(pickle: Pickle, reader: TensorReader, source: str, file: str) -> Checkpoint:
    """The averaged generator (else the plain one) and, of a StyleGAN2, the discriminator.

    Raises:
        CheckpointError: tensors missing or of another architecture.
    """
    found = _find(pickle.value)
    if found is None:
        raise CheckpointError("expected a PGGAN, StyleGAN or StyleGAN2 of genforce's: a dictionary with generator_smooth")
    family, critic = READERS[found.family], found.discriminator
    discriminator, problem = None, None
    if critic is not None and family.discriminator is not None:
        read_critic = family.discriminator
        discriminator, problem = attempt(lambda: read_critic(_opened(critic, reader)))
    elif critic is not None:
        problem = f"its discriminator is a {found.family}'s, which cannot be computed here"
    facts = SourceFacts(
        source=source,
        file=file,
        origin="genforce",
        holds=found.holds,
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle.globals)),
    )
    weights = family.generator(_opened(found.generator, reader), None if critic is None else _opened(critic, reader))
    return Checkpoint(found.family, weights, discriminator, facts, problem)


def _opened(records: dict[str, Any], reader: TensorReader) -> StateDict:
    return StateDict(records, reader, "genforce's code")


def _find(value: Any) -> _Found | None:
    """The networks at the top of a file, under `models` as training saves them, or the state dict itself."""
    if not isinstance(value, dict):
        return None
    for holder in (value.get("models"), value):
        if not isinstance(holder, dict):
            continue
        networks = {name: _named(holder[name]) for name in (*GENERATORS, "discriminator") if isinstance(holder.get(name), dict)}
        for name in GENERATORS:
            if family := _family(networks.get(name, {})):
                return _Found(family, networks[name], networks.get("discriminator"), tuple(networks))
    records = _named(value)
    family = _family(records)
    return _Found(family, records, None, ("state dict",)) if family else None


def _named(records: dict[Any, Any]) -> dict[str, Any]:
    return {str(name).removeprefix(PREFIX): record for name, record in records.items()}


def _family(records: dict[str, Any]) -> str | None:
    return next((family for family, known in READERS.items() if records.keys() >= known.marks), None)
