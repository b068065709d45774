"""An open source: generator, discriminator and facts of one commit, resolved once and read once."""

import dataclasses
import os
from functools import cached_property
from pathlib import Path

from orojar_adapters.contract.discriminator import Discriminator
from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.generator import Generator, fingerprint
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.families import FAMILIES
from orojar_adapters.networks.lora import Adapter
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.opening.building import build, naming, sentence
from orojar_adapters.opening.hub import Access
from orojar_adapters.opening.source import Source, find
from orojar_adapters.readers import adapter as adapters
from orojar_adapters.readers import biggan_deep, detect, folder
from orojar_adapters.readers.checkpoint import Checkpoint, Weights

DISCRIMINATOR = tuple(f"{folder.DISCRIMINATOR}/{name}" for name in sorted(folder.FILES))


class Opened:
    """A source whose networks and facts are downloaded on demand, always from the same commit, and parsed once.

    Attributes:
        source: the file or folder that was meant.
    """

    def __init__(self, source: Source, access: Access | None = None) -> None:
        self.source, self.access = source, access

    @property
    def path(self) -> Path:
        """The local path of the file or folder that the generator is read from."""
        if self.source.file is not None:
            return self.source.path(self.source.file)
        kind = next(kind.FILES for kind in (folder, adapters, biggan_deep) if self.source.has(*kind.FILES))
        return self.source.folder([*sorted(kind), folder.PROVENANCE])

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The weights under our names, and the facts; the discriminator of a folder is only read when it is needed.

        Raises:
            CheckpointError: a file that cannot or must not be read.
        """
        with naming(self.source.text):
            return self._read_adapter() if self.source.is_adapter() else self._read_whole()

    @cached_property
    def facts(self) -> SourceFacts:
        """The facts about the weights: where they came from, license, what else the file holds."""
        return self.checkpoint.facts

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the generator's weights with any adapter merged, the same for every file format."""
        checkpoint = self.checkpoint
        return fingerprint(checkpoint.generator.state) if checkpoint.adapter is None else self.generator().fingerprint()

    def generator(self) -> Generator:
        """Returns the generator with any adapter merged, in float32 on the CPU, ready for inference.

        Raises:
            CheckpointError: weights that cannot or must not be read, or an adapter that does not fit.
        """
        checkpoint = self.checkpoint
        generator = build(FAMILIES[checkpoint.family], checkpoint.generator, self.source.text)
        if checkpoint.adapter is not None:
            try:
                checkpoint.adapter.fold_into(generator)
            except ValueError as e:
                raise CheckpointError(sentence(f"cannot read {self.source.text}: {e}")) from e
        generator.source_facts = self.facts
        return generator

    @cached_property
    def _discriminator(self) -> tuple[Weights | None, str | None]:
        if not self._is_unread(self.checkpoint):
            return self.checkpoint.discriminator, self.checkpoint.discriminator_problem
        with naming(self.source.text):
            for name in DISCRIMINATOR:
                path = self.source.path(name)
            return folder.read_discriminator(path.parents[1])

    @property
    def discriminator_problem(self) -> str | None:
        """Why the discriminator cannot be read; None if it can be, or if there is none."""
        return self._discriminator[1]

    def has_discriminator(self) -> bool:
        """Returns whether there is a discriminator that can be read."""
        return self._discriminator[0] is not None

    def discriminator(self) -> Discriminator:
        """Returns the discriminator that comes with the generator.

        Raises:
            CheckpointError: there is none, or it cannot be read; the text says why.
        """
        weights, problem = self._discriminator
        if weights is None:
            why = problem or f"it holds {list(self.facts.holds)}"
            raise CheckpointError(f"{self.source.text} holds no discriminator that can be read: {why}")
        return build(StyleGAN2Discriminator, weights, self.source.text)

    def _is_unread(self, checkpoint: Checkpoint) -> bool:
        """Returns whether a folder on the Hub has a discriminator that was not downloaded with its generator."""
        problem = checkpoint.discriminator_problem if self.source.commit is None else None  # a cache may hold half of it
        known = checkpoint.discriminator is not None or problem is not None
        return not known and self.source.file is None and self.source.has(*DISCRIMINATOR)

    def _read_whole(self) -> Checkpoint:
        names = {cls.__name__: family for family, cls in FAMILIES.items()}
        path = self.path
        checkpoint = _read_by_family(path, self.source.text) or detect.read(path, names, self.source.text)
        facts = checkpoint.facts
        if self._is_unread(checkpoint):
            facts = dataclasses.replace(facts, holds=("generator", "discriminator"), has_discriminator=True)
        license = facts.license or self.source.license
        return dataclasses.replace(checkpoint, facts=dataclasses.replace(facts, revision=self.source.commit, license=license))

    def _read_adapter(self) -> Checkpoint:
        """Returns the base's generator, the adapter to merge into it, and the facts of the adapter's folder."""
        path = self.path
        adapter, said = adapters.read(path), folder.read_base(path)
        base = self._read_base(adapter)
        has_discriminator = self.source.has(*DISCRIMINATOR)
        facts = SourceFacts(
            source=self.source.text,
            file=adapters.WEIGHTS,
            origin="orojar-finetune",
            revision=self.source.commit,
            license=folder.license_in(said) or self.source.license or base.facts.license,
            holds=("adapter", "discriminator") if has_discriminator else ("adapter",),
            has_discriminator=has_discriminator,
            base=said or base.facts.described(),
            adapter={"base": adapter.base, "revision": adapter.revision, "rank": adapter.rank, "alpha": adapter.alpha},
        )
        return Checkpoint(base.family, base.generator, None, facts, None, adapter)

    def _read_base(self, adapter: Adapter) -> Checkpoint:
        """Returns the base generator of an adapter; an adapter as a base is refused, so that there are no cycles."""
        assert adapter.base is not None  # the reader asks for one
        revision = f" at revision {adapter.revision}" if adapter.revision else ""
        try:
            if adapter.base_is_a_path and not Path(adapter.base).exists():
                raise CheckpointError(f"no such file; set base_model_name_or_path in {adapters.CONFIG} to its path")
            base = Opened(find(adapter.base, adapter.revision, access=self.access), self.access)
            if base.source.is_adapter():
                raise CheckpointError("it is an adapter itself; merge it first with `orojar merge`")
            if adapter.revision and base.source.commit is None:
                raise CheckpointError("a local file or folder has the same name; rename it, or run this in another directory")
            return base._read_whole()
        except (CheckpointError, OSError) as e:
            why = (e.strerror or e) if isinstance(e, OSError) else e
            raise CheckpointError(f"it is an adapter of {adapter.base!r}{revision}, which cannot be used: {why}") from e


def _read_by_family(path: Path, source: str) -> Checkpoint | None:
    """Returns the checkpoint in a file whose format a family of another package reads, or None."""
    for family, cls in FAMILIES.items() if path.is_file() else ():
        if (found := cls.read_file(path)) is not None:
            facts = SourceFacts(source=source, file=path.name, origin=family, holds=("generator",))
            return Checkpoint(family, Weights(*found), None, facts)
    return None


def open_source(
    source: str | os.PathLike,
    revision: str | None = None,
    *,
    subfolder: str | None = None,
    token: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    local_files_only: bool = False,
) -> Opened:
    """Returns a generator's source; on the Hub it is pinned to one commit, from which everything is then read.

    Args:
        source: a file, a folder, `user/repo`, `user/repo/sub/folder`, `user/repo/file.pkl`, or a URL of the Hub.
        revision: branch, tag or commit on the Hub.
        subfolder: a folder in the folder or repository.
        token: for the Hub; None takes the one of `hf auth login`.
        cache_dir: where downloads are kept; None uses the default of huggingface_hub.
        local_files_only: use what was downloaded before, without any request.

    Raises:
        CheckpointError: no checkpoint, several and no way to choose, or the Hub refuses or cannot be reached.
    """
    access = Access(token, None if cache_dir is None else Path(cache_dir).expanduser(), local_files_only)
    return Opened(find(source, revision, subfolder, access), access)
