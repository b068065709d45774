"""Networks out of checkpoints: shapes compared before anything is allocated, then the weights put in place."""

import dataclasses
import os
from collections.abc import Generator as Yielding
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.generator import Generator
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.lora import Adapter
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.opening.sources import Located, locate
from orojar_adapters.readers import adapter as adapters
from orojar_adapters.readers import detect, folder
from orojar_adapters.readers.checkpoint import Checkpoint, Weights

Network = TypeVar("Network", bound=ModelMixin)
LONGEST_MESSAGE = 480
SLACK = 2**20
"""Bytes that tensors may share."""
UNFORESEEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError, EOFError)
"""What code can meet in a damaged file; every reader refuses what it knows of by a sentence of its own."""


def read_checkpoint(source: str | os.PathLike, families: dict[str, type[Generator]], revision: str | None = None) -> Checkpoint:
    """A source's weights in our names and all that is known of it; nothing in it is run.

    Raises:
        CheckpointError: nothing there, or a file that cannot or must not be read.
    """
    return read_located(locate(source, revision), os.fspath(source), families)


def read_located(located: Located, source: str, families: dict[str, type[Generator]]) -> Checkpoint:
    """The same of a source that lies on this disk already.

    Raises:
        CheckpointError: as `read_checkpoint`.
    """
    with _naming(source):
        if detect.is_adapter(located.path):
            return _read_adapter(located, families, source)
        return _read_whole(located, families, source)


@contextmanager
def _naming(source: str) -> Yielding[None]:
    try:
        yield
    except CheckpointError as e:
        raise CheckpointError(_sentence(f"cannot read {source}: {e}")) from e
    except OSError as e:
        raise CheckpointError(_sentence(f"cannot read {source}: {e.strerror or e}")) from e
    except UNFORESEEN as e:
        found = f"{type(e).__name__}: {str(e)[:200]}"
        raise CheckpointError(_sentence(f"cannot read {source}: it is damaged in an unforeseen way ({found})")) from e


def _sentence(text: str) -> str:
    """One line that fits on a screen, whatever names out of the file are in it."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 10 * LONGEST_MESSAGE]).split())
    if len(line) <= LONGEST_MESSAGE:
        return line
    return f"{line[: LONGEST_MESSAGE // 2]} ... {line[-LONGEST_MESSAGE // 2 + 5 :]}"  # what was expected stands at the end


def _read_whole(located: Located, families: dict[str, type[Generator]], source: str) -> Checkpoint:
    names = {cls.__name__: family for family, cls in families.items()}
    checkpoint = _read_by_family(located.path, families, source) or detect.read(located.path, names, source)
    license = checkpoint.facts.license or located.license
    facts = dataclasses.replace(checkpoint.facts, revision=located.revision, license=license)
    return dataclasses.replace(checkpoint, facts=facts)


def _read_by_family(path: Path, families: dict[str, type[Generator]], source: str) -> Checkpoint | None:
    """What a family of another package makes of a file in its own format."""
    for family, cls in families.items() if path.is_file() else ():
        if (found := cls.read_file(path)) is not None:
            facts = SourceFacts(source=source, file=path.name, origin=family, holds=("generator",))
            return Checkpoint(family, Weights(*found), None, facts)
    return None


def _read_adapter(located: Located, families: dict[str, type[Generator]], source: str) -> Checkpoint:
    """The base's generator, an adapter to fold into it, and what else lies in the adapter's folder."""
    adapter = adapters.read(located.path)
    base = _read_base_of(adapter, families)
    said = folder.read_base(located.path)
    discriminator, problem = folder.read_discriminator(located.path)
    facts = SourceFacts(
        source=source,
        file=adapters.WEIGHTS,
        origin="orojar-finetune",
        revision=located.revision,
        license=folder.license_in(said) or located.license or base.facts.license,
        holds=("adapter", "discriminator") if folder.matches(located.path / folder.DISCRIMINATOR) else ("adapter",),
        has_discriminator=discriminator is not None,
        base=said or base.facts.described(),
        adapter={"base": adapter.base, "revision": adapter.revision, "rank": adapter.rank, "alpha": adapter.alpha},
    )
    return Checkpoint(base.family, base.generator, discriminator, facts, problem, adapter)


def _read_base_of(adapter: Adapter, families: dict[str, type[Generator]]) -> Checkpoint:
    """The whole generator that an adapter changes; an adapter of an adapter is refused, so nothing here runs in circles."""
    assert adapter.base is not None  # the reader asks for one
    revision = f" at revision {adapter.revision}" if adapter.revision else ""
    try:
        if adapter.base_is_a_path and not Path(adapter.base).exists():
            raise CheckpointError(f"no such file here; write where it is into {adapters.CONFIG}")
        located = locate(adapter.base, adapter.revision)
        if detect.is_adapter(located.path):
            raise CheckpointError("it is an adapter itself; write it whole first with `orojar merge`")
        if adapter.revision and located.revision is None:
            raise CheckpointError("a file or folder here has the same name; rename it, or run this elsewhere")
        return _read_whole(located, families, adapter.base)
    except (CheckpointError, OSError) as e:
        why = (e.strerror or e) if isinstance(e, OSError) else e
        raise CheckpointError(f"it is an adapter of {adapter.base!r}{revision}, which cannot be used: {why}") from e


def build(cls: type[Network], weights: Weights, source: str) -> Network:
    """A network of a class with these weights, in float32, ready for inference.

    Raises:
        CheckpointError: sizes that the class does not have, tensors missing, left over, of another shape or not finite.
    """
    try:
        with torch.device("meta"):
            network = cls(**weights.config)
    except UNFORESEEN as e:  # its arguments may come from a file, and every family has its own
        raise CheckpointError(_sentence(f"cannot read {source}: {e}")) from e
    expected = network.state_dict()
    if problem := _difference(expected, weights.state):
        raise CheckpointError(_sentence(f"cannot read {source} as {cls.__name__}: {problem}"))
    if _shared(weights.state):
        raise CheckpointError(f"cannot read {source}: its tensors share their values, those of a {cls.__name__} do not")
    state = {}
    for name in expected:
        tensor = weights.state[name].detach().to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        if not torch.isfinite(tensor).all():
            raise CheckpointError(_sentence(f"cannot read {source}: its tensor {name!r} holds values that are not finite"))
        state[name] = tensor
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(True)


def _difference(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or extra:
        return f"missing tensors {missing[:3]}, unknown tensors {[name[:80] for name in extra[:3]]}"
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            return f"{name!r} should have the shape {tuple(tensor.shape)}, it has {tuple(found[name].shape)}"
        if not found[name].is_floating_point():
            return f"{name!r} should hold floating-point values, it holds {found[name].dtype}"
    return None


def _shared(state: dict[str, Tensor]) -> bool:
    """Whether tensors hold more together than the memory they lie in: copies of them could fill far more than their file."""
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in state.values()}
    return sum(tensor.nbytes for tensor in state.values()) > sum(held.values()) + SLACK


def build_generator(checkpoint: Checkpoint, families: dict[str, type[Generator]]) -> Generator:
    """The generator of a checkpoint, its adapter folded in, with the facts about its source.

    Raises:
        CheckpointError: as `build`, or an adapter that does not fit.
    """
    generator = build(families[checkpoint.family], checkpoint.generator, checkpoint.facts.source)
    if checkpoint.adapter is not None:
        try:
            checkpoint.adapter.fold_into(generator)
        except ValueError as e:
            raise CheckpointError(_sentence(f"cannot read {checkpoint.facts.source}: {e}")) from e
    generator.source_facts = checkpoint.facts
    return generator


def build_discriminator(checkpoint: Checkpoint) -> StyleGAN2Discriminator:
    """The discriminator of a checkpoint.

    Raises:
        CheckpointError: it holds none.
    """
    if checkpoint.discriminator is None:
        why = checkpoint.discriminator_problem or f"it holds {list(checkpoint.facts.holds)}"
        raise CheckpointError(f"{checkpoint.facts.source} holds no discriminator that can be read: {why}")
    return build(StyleGAN2Discriminator, checkpoint.discriminator, checkpoint.facts.source)
