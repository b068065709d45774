"""One open source: resolved once, read once; generator, discriminator and facts of the same commit."""

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
    """A source that was found: what it holds is fetched when asked for, always of the same commit, and parsed once.

    Attributes:
        source: the file or folder that was meant.
    """

    def __init__(self, source: Source, access: Access | None = None) -> None:
        self.source, self.access = source, access

    @property
    def path(self) -> Path:
        """The file, or the folder with what the generator is read from, on this disk."""
        if self.source.file is not None:
            return self.source.path(self.source.file)
        kind = next(kind.FILES for kind in (folder, adapters, biggan_deep) if self.source.has(*kind.FILES))
        return self.source.folder([*sorted(kind), folder.PROVENANCE])

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Weights in our names, and facts; of a folder without its discriminator, which is read when it is asked for.

        Raises:
            CheckpointError: a file that cannot or must not be read.
        """
        with naming(self.source.text):
            return self._read_adapter() if self.source.is_adapter() else self._read_whole()

    @cached_property
    def facts(self) -> SourceFacts:
        """Where the weights came from and what else is there."""
        return self.checkpoint.facts

    @cached_property
    def fingerprint(self) -> str:
        """Of the generator's weights, its adapter folded in: the same for every file format of one generator."""
        checkpoint = self.checkpoint
        return fingerprint(checkpoint.generator.state) if checkpoint.adapter is None else self.generator().fingerprint()

    def generator(self) -> Generator:
        """The generator, its adapter folded in, in float32 on the CPU, ready for inference.

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
        """Why the discriminator that is there cannot be read; None where it can be, or where there is none."""
        return self._discriminator[1]

    def has_discriminator(self) -> bool:
        """Whether there is a discriminator that can be read."""
        return self._discriminator[0] is not None

    def discriminator(self) -> Discriminator:
        """The discriminator beside the generator.

        Raises:
            CheckpointError: there is none, or it cannot be read: then the text says why.
        """
        weights, problem = self._discriminator
        if weights is None:
            why = problem or f"it holds {list(self.facts.holds)}"
            raise CheckpointError(f"{self.source.text} holds no discriminator that can be read: {why}")
        return build(StyleGAN2Discriminator, weights, self.source.text)

    def _is_unread(self, checkpoint: Checkpoint) -> bool:
        """Whether a folder on the Hub has a discriminator that was not fetched with its generator."""
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
        """The base's generator, an adapter to fold into it, and what else lies in the adapter's folder."""
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
        """The whole generator that an adapter changes; an adapter of an adapter is refused, so nothing runs in circles."""
        assert adapter.base is not None  # the reader asks for one
        revision = f" at revision {adapter.revision}" if adapter.revision else ""
        try:
            if adapter.base_is_a_path and not Path(adapter.base).exists():
                raise CheckpointError(f"no such file here; write where it is into {adapters.CONFIG}")
            base = Opened(find(adapter.base, adapter.revision, access=self.access), self.access)
            if base.source.is_adapter():
                raise CheckpointError("it is an adapter itself; write it whole first with `orojar merge`")
            if adapter.revision and base.source.commit is None:
                raise CheckpointError("a file or folder here has the same name; rename it, or run this elsewhere")
            return base._read_whole()
        except (CheckpointError, OSError) as e:
            why = (e.strerror or e) if isinstance(e, OSError) else e
            raise CheckpointError(f"it is an adapter of {adapter.base!r}{revision}, which cannot be used: {why}") from e


def _read_by_family(path: Path, source: str) -> Checkpoint | None:
    """What a family of another package makes of a file in its own format."""
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
    """A generator's source, resolved once: on the Hub to one commit, which everything asked of it then comes from.

    Args:
        source: a file, a folder, `user/repo`, `user/repo/sub/folder`, `user/repo/file.pkl`, or any address of the Hub.
        revision: branch, tag or commit on the Hub.
        subfolder: a folder in the folder or repository.
        token: for the Hub; None takes the one of `hf auth login`.
        cache_dir: where downloads are kept; None takes the Hub library's usual place.
        local_files_only: take what was downloaded before, ask nothing.

    Raises:
        CheckpointError: nothing there, several checkpoints and no way to choose, or the Hub refuses or cannot be reached.
    """
    access = Access(token, None if cache_dir is None else Path(cache_dir).expanduser(), local_files_only)
    return Opened(find(source, revision, subfolder, access), access)
