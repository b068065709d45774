"""Pickles of NVlabs' PyTorch code (stylegan2-ada-pytorch, stylegan3 repositories): the networks G, D and G_ema."""

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.readers import nvlabs_stylegan2, nvlabs_stylegan3
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, brief
from orojar_adapters.readers.persistence import PERSISTENT, Meta, modules_of, networks, source_sha256
from orojar_adapters.readers.unpickle import Pickle

GENERATORS = {"stylegan2": nvlabs_stylegan2, "stylegan3": nvlabs_stylegan3}


def matches(pickle: Pickle) -> bool:
    """Whether a pickle is one of NVlabs' PyTorch pickles."""
    return PERSISTENT in pickle.globals


def read(pickle: Pickle, source: str, file: str) -> Checkpoint:
    """The averaged generator of a training snapshot, or the only one there is, and the discriminator.

    Raises:
        CheckpointError: no generator of these families inside, or a variant that cannot be computed here.
    """
    found = networks(pickle.value)
    generator = found.get("G_ema") or found.get("G")
    if generator is None:
        raise CheckpointError(f"expected a generator (G_ema or G) in this pickle, it holds {sorted(found) or 'none'}")
    critic = found.get("D")
    discriminator, problem = attempt(lambda: nvlabs_stylegan2.read_discriminator(critic)) if critic else (None, None)
    facts = SourceFacts(
        source=source,
        file=file,
        origin="nvlabs-pytorch",
        holds=tuple(found),
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle.globals)),
        embedded_source_sha256=source_sha256(generator),
    )
    return Checkpoint(*_generator(generator), discriminator, facts, problem)


def _generator(meta: Meta) -> tuple[str, Weights]:
    """The family and the weights."""
    modules = dict(modules_of(meta))
    for family, reader in GENERATORS.items():
        if reader.is_generator(modules):
            return family, reader.read_generator(meta)
    names = sorted({brief(module.get("class_name")) for module in modules.values()})
    raise CheckpointError(f"expected a StyleGAN2 or StyleGAN3 generator, found one made of {', '.join(names[:8])}")
