"""Resolves what a person types to one file or folder, local or at one commit on the Hub."""

import dataclasses
import difflib
import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import yaml
from huggingface_hub import ModelCard

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.opening.address import WEIGHT_SUFFIXES, Address, existing
from orojar_adapters.opening.hub import Access, Listing, list_repository, stated_license
from orojar_adapters.readers import adapter, biggan_deep, folder

log = logging.getLogger("orojar")

RUN_MODEL = "model"
"""The model folder in the output folder of a run."""
CARD = "README.md"
LARGEST_CARD = 2**16
"""Bytes of a card that are read."""
BESIDE = ("directions.safetensors", "atlas.safetensors")
"""Tensor files next to a generator that are not checkpoints."""
MOST_LISTED = 20
"""Maximum number of files that an error message lists."""
TYPE = "expected a path, user/repo, or user/repo/file.pkl"


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """A generator's file, or a folder that is a generator as a whole, local or at one commit on the Hub.

    Attributes:
        text: what a person typed.
        file: the chosen file, relative to its folder; None if the whole folder is the generator.
        license: as the card next to it states it; None if none does.
    """

    text: str
    file: str | None = None
    license: str | None = None

    @property
    @abstractmethod
    def commit(self) -> str | None:
        """The commit on the Hub; None for local files."""

    @abstractmethod
    def has(self, *names: str) -> bool:
        """Returns whether all these files are in the folder."""

    @abstractmethod
    def path(self, name: str) -> Path:
        """Returns the local path of a file of the folder, downloaded if needed.

        Raises:
            CheckpointError: it is not available.
        """

    def folder(self, names: Iterable[str]) -> Path:
        """Returns the local path of the folder, with those of the named files that exist."""
        paths = [self.path(name) for name in names if self.has(name)]
        return paths[0].parent

    def is_adapter(self) -> bool:
        """Returns whether the folder holds a LoRA adapter without its base."""
        return self.file is None and self.has(*adapter.FILES) and not self.has(*folder.FILES)


@final
@dataclass(frozen=True, kw_only=True)
class LocalSource(Source):
    """A file or folder on this disk."""

    root: Path

    @property
    def commit(self) -> None:
        return None

    def has(self, *names: str) -> bool:
        return self.root.is_dir() and all((self.root / name).is_file() for name in names)

    def path(self, name: str) -> Path:
        return self.root / name


@final
@dataclass(frozen=True, kw_only=True)
class HubSource(Source):
    """A file or folder of one commit on the Hub.

    Attributes:
        inside: the folder in the repository, with a slash at its end; empty for the whole of it.
    """

    listing: Listing
    inside: str = ""

    @property
    def commit(self) -> str:
        return self.listing.commit

    def has(self, *names: str) -> bool:
        return all(f"{self.inside}{name}" in self.listing.files for name in names)

    def path(self, name: str) -> Path:
        return self.listing.path(f"{self.inside}{name}")


def find_folder(text: str | os.PathLike, revision: str | None = None, access: Access | None = None) -> Source:
    """Returns a folder, local or on the Hub, whatever is in it; for a file, the folder that contains it.

    Raises:
        CheckpointError: it does not exist.
    """
    text = os.fspath(text)
    if (path := existing(text)) is not None:
        root, file = (path, None) if path.is_dir() else (path.parent, path.name)
        return LocalSource(text=text, root=root, file=file)
    listing, inside = _list(text, revision, None, access)
    if inside in listing.files:
        before, slash, file = inside.rpartition("/")
        return HubSource(text=text, listing=listing, inside=before + slash, file=file)
    return HubSource(text=text, listing=listing, inside=f"{inside}/" if inside else "")


def find(
    text: str | os.PathLike, revision: str | None = None, subfolder: str | None = None, access: Access | None = None
) -> Source:
    """Returns the generator that a text names; from the Hub, only small files are downloaded yet.

    A path that exists wins over a repository of the same spelling.

    Raises:
        CheckpointError: no checkpoint, or several and no way to choose; the text lists them.
    """
    text = os.fspath(text)
    if (path := existing(text)) is not None:
        return _find_here(path / subfolder if subfolder else path, text)
    return _find_in(*_list(text, revision, subfolder, access), text)


def _list(text: str, revision: str | None, subfolder: str | None, access: Access | None) -> tuple[Listing, str]:
    """Returns the listing of the repository that a text names, and the path in it."""
    address = Address.parse(text)
    if address is None:
        raise CheckpointError(f"{text!r} is neither a local file or folder nor a Hub repository; {TYPE}")
    if revision and address.revision and revision != address.revision:
        raise CheckpointError(f"got two revisions, {address.revision!r} in {text!r} and {revision!r} separately: give only one")
    inside = "/".join(filter(None, [address.inside, subfolder and subfolder.strip("/")]))
    return list_repository(address.repo, revision or address.revision, access or Access()), inside


def _find_here(path: Path, text: str) -> Source:
    if path.is_file():
        return LocalSource(text=text, root=path.parent, file=path.name)
    if not path.is_dir():
        raise CheckpointError(f"{text!r} is neither a file nor a folder; {TYPE}")
    whole = LocalSource(text=text, root=path, license=license_of(path / CARD))
    if _is_generator(whole):
        return whole
    if _is_generator(LocalSource(text=text, root=path / RUN_MODEL)):
        raise CheckpointError(f"{text} is the output folder of a run: use its model folder, {path / RUN_MODEL}")
    names = [p.name for p in sorted(path.iterdir()) if p.is_file() and _may_be_weights(p.name)]
    return dataclasses.replace(whole, file=choose(names, text))


def _find_in(listing: Listing, inside: str, text: str) -> Source:
    names = list(listing.files)
    if inside in names:
        before, slash, file = inside.rpartition("/")
        license = _license_beside(listing, before + slash)
        return HubSource(text=text, listing=listing, inside=before + slash, file=file, license=license)
    prefix = f"{inside}/" if inside else ""
    within = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    if not within:
        raise CheckpointError(_no_such_file(listing, inside))
    whole = HubSource(text=text, listing=listing, inside=prefix, license=_license_beside(listing, prefix))
    if _is_generator(whole):
        return whole
    where = f"{listing.repo}/{inside}" if inside else listing.repo
    before, slash, file = choose([name for name in within if _may_be_weights(name)], where).rpartition("/")
    return dataclasses.replace(whole, inside=prefix + before + slash, file=file)


def _no_such_file(listing: Listing, inside: str) -> str:
    names = list(listing.files)
    near = difflib.get_close_matches(inside, names, 1, 0.5) or [n for n in names if n.rpartition("/")[2] == inside][:1]
    guess = f" (did you mean {listing.repo}/{near[0]}?)" if near else ""
    shown = ", ".join(names[:MOST_LISTED]) + (f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else "")
    return f"{listing.repo} has no file or folder {inside!r}{guess}; it has {shown or 'none'}"


def _is_generator(source: Source) -> bool:
    """Returns whether a folder is a generator as a whole: a model folder, an adapter, or a BigGAN-deep."""
    if source.has(*folder.FILES) or source.has(*adapter.FILES):
        return True
    return source.has(*biggan_deep.FILES) and biggan_deep.is_config(source.path(biggan_deep.CONFIG))


def _may_be_weights(name: str) -> bool:
    return name.endswith(WEIGHT_SUFFIXES) and name.rpartition("/")[2] not in BESIDE


def choose(names: list[str], where: str) -> str:
    """Returns which checkpoint to use: the only one, the latest NVlabs snapshot, or the only EMA one.

    Raises:
        CheckpointError: there is none, or no way to choose; the text lists them.
    """
    if not names:
        raise CheckpointError(f"{where} holds no checkpoint: expected a file ending in {', '.join(WEIGHT_SUFFIXES)}")
    snapshots = [name for name in names if re.search(r"network-snapshot-\d+\.pkl$", name)]
    averaged = [name for name in names if "ema" in re.split(r"[\W_]+", name.lower())]
    if len(names) == 1:
        return names[0]
    if len(snapshots) == len(names):
        chosen = max(names, key=lambda name: int(name.rsplit("-", 1)[1].removesuffix(".pkl")))
    elif len(averaged) == 1:
        chosen = averaged[0]
    else:
        raise CheckpointError(f"{where} holds several checkpoints; choose one: " + ", ".join(f"{where}/{n}" for n in names))
    log.warning("%s holds %d checkpoints, using %s (to use another, give %s/FILE)", where, len(names), chosen, where)
    return chosen


def _license_beside(listing: Listing, prefix: str) -> str | None:
    """Returns the license of a folder in a repository: from the Hub, or from a card in the folder or at the top."""
    cards = [card for card in (f"{prefix}{CARD}", CARD) if card in listing.files]
    return listing.license or (license_of(listing.path(cards[0])) if cards else None)


def license_of(card: Path) -> str | None:
    """Returns the license in the front matter of a model card; None if there is no card or no license."""
    if not card.is_file():
        return None
    with card.open("rb") as file:
        text = file.read(LARGEST_CARD).decode("utf-8", "replace")
    if not text.startswith("---"):
        return None
    try:
        data = ModelCard(text, ignore_metadata_errors=True).data
        return stated_license(data.get("license_name")) or stated_license(data.get("license"))
    except (ValueError, TypeError, AttributeError, RecursionError, yaml.YAMLError):  # nobody vouches for a card
        return None
