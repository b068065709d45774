"""One file or folder, here or at one commit on the Hub: which one is meant, and what lies beside it."""

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
"""The model folder in the folder of a training."""
CARD = "README.md"
LARGEST_CARD = 2**16
"""Bytes of a card that are looked at."""
BESIDE = ("directions.safetensors", "atlas.safetensors")
"""Tensors that lie beside a generator."""
MOST_LISTED = 20
"""Files that an error message names."""
TYPE = "type a path, user/repo or user/repo/file.pkl"


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """One generator's file, or a folder that is a generator as a whole, here or at one commit on the Hub.

    Attributes:
        text: what a person typed.
        file: the chosen file, named inside its folder; None where the whole folder is the generator.
        license: as the card beside it states it; None where none does.
    """

    text: str
    file: str | None = None
    license: str | None = None

    @property
    @abstractmethod
    def commit(self) -> str | None:
        """The commit on the Hub; None for what lies here."""

    @abstractmethod
    def has(self, *names: str) -> bool:
        """Whether all these files lie in the folder."""

    @abstractmethod
    def path(self, name: str) -> Path:
        """A file of the folder on this disk, downloaded where it has to be.

        Raises:
            CheckpointError: it cannot be had.
        """

    def folder(self, names: Iterable[str]) -> Path:
        """The folder on this disk, with those of the named files that there are."""
        paths = [self.path(name) for name in names if self.has(name)]
        return paths[0].parent

    def is_adapter(self) -> bool:
        """Whether the folder holds a low-rank adapter without its base."""
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
    """A folder here or on the Hub, whatever is in it; of a file the folder that it lies in.

    Raises:
        CheckpointError: nothing there.
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
    """What a person means; of what lies on the Hub nothing but small files is fetched yet.

    A path that exists wins over a repository of the same spelling.

    Raises:
        CheckpointError: nothing there, or several checkpoints and no way to choose: then it lists them.
    """
    text = os.fspath(text)
    if (path := existing(text)) is not None:
        return _find_here(path / subfolder if subfolder else path, text)
    return _find_in(*_list(text, revision, subfolder, access), text)


def _list(text: str, revision: str | None, subfolder: str | None, access: Access | None) -> tuple[Listing, str]:
    """The repository that is meant, and the place in it."""
    address = Address.parse(text)
    if address is None:
        raise CheckpointError(f"{text!r} is neither a file or folder here nor a repository; {TYPE}")
    if revision and address.revision and revision != address.revision:
        raise CheckpointError(
            f"two revisions are asked for, {address.revision!r} in {text!r} and {revision!r}: give one of them"
        )
    inside = "/".join(filter(None, [address.inside, subfolder and subfolder.strip("/")]))
    return list_repository(address.repo, revision or address.revision, access or Access()), inside


def _find_here(path: Path, text: str) -> Source:
    if path.is_file():
        return LocalSource(text=text, root=path.parent, file=path.name)
    if not path.is_dir():
        raise CheckpointError(f"{text!r} is neither a file nor a folder")
    whole = LocalSource(text=text, root=path, license=license_of(path / CARD))
    if _is_generator(whole):
        return whole
    if _is_generator(LocalSource(text=text, root=path / RUN_MODEL)):
        raise CheckpointError(f"{text} is the folder of a training run: its generator is in {path / RUN_MODEL}")
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
    """Whether a folder is a generator as a whole: ours, an adapter, or a BigGAN-deep."""
    if source.has(*folder.FILES) or source.has(*adapter.FILES):
        return True
    return source.has(*biggan_deep.FILES) and biggan_deep.is_config(source.path(biggan_deep.CONFIG))


def _may_be_weights(name: str) -> bool:
    return name.endswith(WEIGHT_SUFFIXES) and name.rpartition("/")[2] not in BESIDE


def choose(names: list[str], where: str) -> str:
    """The checkpoint to take of several: the only one, the last NVlabs snapshot, or the only averaged one.

    Raises:
        CheckpointError: none, or no way to choose; then it lists them.
    """
    if not names:
        raise CheckpointError(f"{where} holds no checkpoint ({', '.join(WEIGHT_SUFFIXES)})")
    snapshots = [name for name in names if re.search(r"network-snapshot-\d+\.pkl$", name)]
    averaged = [name for name in names if "ema" in re.split(r"[\W_]+", name.lower())]
    if len(names) == 1:
        return names[0]
    if len(snapshots) == len(names):
        chosen = max(names, key=lambda name: int(name.rsplit("-", 1)[1].removesuffix(".pkl")))
    elif len(averaged) == 1:
        chosen = averaged[0]
    else:
        raise CheckpointError(f"{where} holds several checkpoints, name one: " + ", ".join(f"{where}/{n}" for n in names))
    log.warning("%s holds %d checkpoints, took %s (for another, name it: %s/FILE)", where, len(names), chosen, where)
    return chosen


def _license_beside(listing: Listing, prefix: str) -> str | None:
    """The license of a folder of a repository: as the Hub read it, else as a card in the folder or at the top states it."""
    cards = [card for card in (f"{prefix}{CARD}", CARD) if card in listing.files]
    return listing.license or (license_of(listing.path(cards[0])) if cards else None)


def license_of(card: Path) -> str | None:
    """The license in the front matter of a model card; None without a card or a license."""
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
