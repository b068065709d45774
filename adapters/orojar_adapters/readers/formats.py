"""The state dicts that are read: whose they are, how they are recognized, and the remap files that rename their tensors."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.readers import (
    biggan,
    dcgan,
    genforce_pggan,
    genforce_stylegan,
    genforce_stylegan2,
    nvlabs_stylegan2,
    rosinality,
)
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, reading
from orojar_adapters.readers.state_dicts import WHOLE, StateDicts
from orojar_adapters.readers.tensors import Tensors


class Format(NamedTuple):
    """One project's way of saving one family.

    Attributes:
        origin: the code base, as `SourceFacts` names it.
        title: what messages call it.
        family: the name in `FAMILIES`.
        matches: whether the tensors of a state dict are such a generator's.
        generator: remaps them, given the other state dicts of the file too.
        discriminator: remaps the discriminator's; None where it cannot be computed here.
    """

    origin: str
    title: str
    family: str
    matches: Callable[[Tensors], bool]
    generator: Callable[[Tensors, StateDicts], Weights]
    discriminator: Callable[[Tensors], Weights] | None = None


def _having(*names: str) -> Callable[[Tensors], bool]:
    return lambda old: all(name in old for name in names)


def _latent_avg(file: StateDicts) -> Tensor | None:
    """Returns rosinality's mean of w, which lies beside the state dicts."""
    whole = file.places.get(WHOLE)
    return whole.take("latent_avg") if whole is not None and "latent_avg" in whole else None


FORMATS = (
    Format(
        "rosinality",
        "rosinality's StyleGAN2",
        "stylegan2",
        _having(rosinality.MARK),
        lambda old, file: rosinality.generator(old, _latent_avg(file)),
        rosinality.discriminator,
    ),
    Format(
        "nvlabs-state-dict",
        "NVlabs' StyleGAN2",
        "stylegan2",
        _having(nvlabs_stylegan2.MARK),
        lambda old, _: nvlabs_stylegan2.generator(old),
        nvlabs_stylegan2.discriminator,
    ),
    Format(
        "genforce",
        "genforce's StyleGAN2",
        "stylegan2",
        _having(*genforce_stylegan2.MARKS),
        lambda old, _: genforce_stylegan2.generator(old),
        genforce_stylegan2.discriminator,
    ),
    Format(
        "genforce",
        "genforce's StyleGAN",
        "stylegan",
        _having(*genforce_stylegan.MARKS),
        lambda old, _: genforce_stylegan.generator(old),
    ),
    Format(
        "genforce",
        "genforce's PGGAN",
        "pggan",
        _having(*genforce_pggan.MARKS),
        lambda old, file: genforce_pggan.generator(old, next(iter(file.discriminators.values()), None)),
    ),
    Format(
        "ajbrock",
        "BigGAN-PyTorch's BigGAN",
        "biggan",
        _having(*biggan.MARKS),
        lambda old, _: biggan.generator(old),
    ),
    Format("csyxwei", "OroJaR's small GAN", "dcgan", dcgan.is_small_gan, lambda old, _: dcgan.generator(old)),
    Format("dcgan", "a DCGAN", "dcgan", dcgan.matches, lambda old, _: dcgan.generator(old)),
)


def read(file: StateDicts, pickle_globals: set[str], source: str, name: str) -> Checkpoint | None:
    """Returns the generator and discriminator of a file; None where no format matches.

    Raises:
        CheckpointError: tensors missing or of another architecture.
    """
    found = ((format, place) for format in FORMATS for place, old in file.places.items() if format.matches(old))
    format, place = next(found, (None, ""))
    if format is None:
        return None
    discriminator, problem = _discriminator(file, format)
    facts = SourceFacts(
        source=source,
        file=name,
        origin=format.origin,
        holds=file.holds(place),
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle_globals)),
    )
    with reading(format.title):
        generator = format.generator(file.places[place], file)
    return Checkpoint(format.family, generator, discriminator, facts, problem)


def _discriminator(file: StateDicts, format: Format) -> tuple[Weights | None, str | None]:
    """Returns the discriminator that lies beside a generator, or why it is not read."""
    read = format.discriminator
    if read is None or not file.discriminators:
        return None, file.unread_discriminator(format.title)
    place, old = next(iter(file.discriminators.items()))

    def remapped() -> Weights:
        with reading(f"the discriminator of {format.title}, its {place!r}"):
            return read(old)

    return attempt(remapped)
