"""The state dicts that are read: whose they are, how they are recognized, and the remap files that rename their tensors."""

from collections.abc import Callable
from typing import NamedTuple

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
        family: the name in `FAMILIES`.
        origin: the code base, as `SourceFacts` names it.
        title: the name in messages.
        matches: whether the tensors of a state dict are such a generator's.
        generator: remaps them, given the other state dicts of the file too; raises `CheckpointError` for tensors that are
            missing, unknown, or of another architecture.
        discriminator: remaps the discriminator's; None where it cannot be computed here.
    """

    family: str
    origin: str
    title: str
    matches: Callable[[Tensors], bool]
    generator: Callable[[Tensors, StateDicts], Weights]
    discriminator: Callable[[Tensors], Weights] | None = None


def _has(*names: str) -> Callable[[Tensors], bool]:
    return lambda old: all(name in old for name in names)


def _alone(generator: Callable[[Tensors], Weights]) -> Callable[[Tensors, StateDicts], Weights]:
    return lambda old, _: generator(old)


def _rosinality(old: Tensors, file: StateDicts) -> Weights:
    """Remaps rosinality's generator; the mean of w lies beside its state dict."""
    beside = file.places.get(WHOLE)
    return rosinality.generator(old, beside.take("latent_avg") if beside is not None and "latent_avg" in beside else None)


def _pggan(old: Tensors, file: StateDicts) -> Weights:
    """Remaps genforce's PGGAN; only its discriminator tells the number of classes."""
    return genforce_pggan.generator(old, next(iter(file.discriminators.values()), None))


FORMATS = (
    Format("stylegan2", "rosinality", "rosinality's StyleGAN2", _has(rosinality.MARK), _rosinality, rosinality.discriminator),
    Format(
        "stylegan2",
        "nvlabs-state-dict",
        "NVlabs' StyleGAN2",
        _has(nvlabs_stylegan2.MARK),
        _alone(nvlabs_stylegan2.generator),
        nvlabs_stylegan2.discriminator,
    ),
    Format(
        "stylegan2",
        "genforce",
        "genforce's StyleGAN2",
        _has(*genforce_stylegan2.MARKS),
        _alone(genforce_stylegan2.generator),
        genforce_stylegan2.discriminator,
    ),
    Format("stylegan", "genforce", "genforce's StyleGAN", _has(*genforce_stylegan.MARKS), _alone(genforce_stylegan.generator)),
    Format("pggan", "genforce", "genforce's PGGAN", _has(*genforce_pggan.MARKS), _pggan),
    Format("biggan", "ajbrock", "BigGAN-PyTorch's BigGAN", _has(*biggan.MARKS), _alone(biggan.generator)),
    Format("dcgan", "csyxwei", "OroJaR's small GAN", dcgan.is_small_gan, _alone(dcgan.generator)),
    Format("dcgan", "dcgan", "a DCGAN", dcgan.matches, _alone(dcgan.generator)),
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
    names = ", ".join(name[:40] for name in list(old)[:3])

    def remapped() -> Weights:
        with reading(f"the discriminator of {format.title}, its {place!r} ({names}, ...)"):
            return read(old)

    return attempt(remapped)
