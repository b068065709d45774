"""From what a person types to a file or folder on this disk: paths, `user/repo`, `user/repo/file`, addresses of the Hub."""

import dataclasses
import logging
import os
import re
from collections.abc import Generator as Yielding
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from huggingface_hub import HfApi, ModelInfo, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers import adapter, biggan_deep, detect, folder

log = logging.getLogger("orojar")

WEIGHT_SUFFIXES = (".pkl", ".pt", ".pth", ".bin", ".safetensors", ".ckpt", ".tar")
FOLDER_FILES = (*sorted(folder.FILES | adapter.FILES), folder.PROVENANCE, folder.METRICS, "directions.*", "README.md")
FOLDER_FILES += (f"{folder.DISCRIMINATOR}/*",)
RUN_MODEL = "model"
"""The model folder in the folder of a training."""
LONGEST_CARD, LONGEST_LICENSE = 2**16, 200
"""Bytes of a card that are looked at, characters of a licence's name that are kept."""
LICENSES = ("license", "license_name")
"""Keys of a card that state a licence."""
REPO = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


@dataclass(frozen=True)
class Located:
    """A file or model folder on this disk, the commit it has on the Hub, and the licence stated beside it."""

    path: Path
    revision: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Remote:
    """What a source means on the Hub, chosen and not yet fetched: a file, or a repository that is a generator as a whole."""

    repo: str
    info: ModelInfo
    revision: str | None = None
    """As it was asked for; the commit is `info.sha`."""
    file: str | None = None
    """None for a whole repository."""
    wanted: tuple[str, ...] = ()
    """Of a whole repository, the patterns of what makes it up."""


def locate(source: str | os.PathLike, revision: str | None = None) -> Located:
    """The file or model folder that a source means, downloaded where it lies on the Hub.

    A path that exists wins over a repository of the same spelling.

    Raises:
        CheckpointError: nothing there, or several checkpoints and no way to choose: then it lists them.
    """
    found = find(source, revision)
    return fetch(found) if isinstance(found, Remote) else found


def find(source: str | os.PathLike, revision: str | None = None) -> Located | Remote:
    """What a source means, for when something can be told of it before it is fetched.

    Returns:
        What lies on this disk, which is also what was downloaded before where the Hub cannot be reached, or what to fetch.

    Raises:
        CheckpointError: as `locate`.
    """
    text = os.fspath(source)
    path = _existing(text)
    if path is not None:
        return _locate_local(path, text)
    repo, file, url_revision = _parse_hub(text)
    if repo is None:
        raise CheckpointError(
            f"{text!r} is neither a file or folder here nor a repository; type a path, user/repo or user/repo/file.pkl"
        )
    return _find_remote(repo, file, revision or url_revision)


def _existing(text: str) -> Path | None:
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # too long for a name, or the home of nobody here
        return None


def _locate_local(path: Path, text: str) -> Located:
    if path.is_file() or detect.is_model_folder(path):
        return Located(path, license=license_of(path / "README.md") if path.is_dir() else None)
    if not path.is_dir():
        raise CheckpointError(f"{text!r} is neither a file nor a folder")
    if detect.is_model_folder(path / RUN_MODEL):
        raise CheckpointError(f"{text} is the folder of a training: its generator is in {path / RUN_MODEL}")
    names = [p.name for p in sorted(path.iterdir()) if p.is_file() and p.suffix in WEIGHT_SUFFIXES]
    return Located(path / choose(names, text), license=license_of(path / "README.md"))


def hub_repo(source: str) -> str | None:
    """The repository, `user/repo`, that a source on the Hub lies in; None for what is no name of the Hub."""
    return _parse_hub(source)[0]


def on_hub(source: str, revision: str | None = None) -> tuple[str, str | None, str | None] | None:
    """Repository, file and revision of a source that would be fetched from the Hub; None for what lies here or nowhere."""
    repo, file, url_revision = _parse_hub(source)
    return None if repo is None or _existing(source) is not None else (repo, file, revision or url_revision)


def _parse_hub(text: str) -> tuple[str | None, str | None, str | None]:
    """Repository, file and revision out of `user/repo[/file]` or an address of the Hub."""
    revision = None
    if text.startswith(("http://", "https://", "hf://")):
        url = urlsplit(text)
        if url.scheme != "hf" and url.netloc not in (urlsplit(constants.ENDPOINT).netloc, "huggingface.co", "hf.co"):
            return None, None, None
        parts = (f"{url.netloc}{url.path}" if url.scheme == "hf" else url.path).strip("/").split("/")
        if len(parts) > 3 and parts[2] in ("blob", "resolve", "tree", "commit"):
            revision = unquote(parts[3])
            del parts[2:4]
        text = unquote("/".join(parts))
    parts = text.split("/", 2)
    if len(parts) < 2 or not REPO.fullmatch("/".join(parts[:2])):
        return None, None, None
    return "/".join(parts[:2]), parts[2] if len(parts) == 3 and parts[2] else None, revision


def _find_remote(repo: str, file: str | None, revision: str | None) -> Located | Remote:
    try:
        with _refusing(repo, revision):
            info = HfApi().model_info(repo, revision=revision)
            names = _names(info)
            if file is None and (wanted := _folder_files(repo, set(names), revision)):
                return Remote(repo, info, revision, wanted=tuple(wanted))
            chosen = file or choose([name for name in names if name.endswith(WEIGHT_SUFFIXES)], repo)
            if chosen not in names:
                raise CheckpointError(f"{repo} has no file {chosen!r}; it has {', '.join(names) or 'none'}")
            return Remote(repo, info, revision, chosen)
    except (HTTPError, OSError) as e:
        return _locate_downloaded(repo, file, revision, e)


def fetch(found: Remote) -> Located:
    """Downloads what was found.

    Raises:
        CheckpointError: it cannot be had.
    """
    repo, revision = found.repo, found.revision
    try:
        with _refusing(repo, revision):
            if found.file is None:
                path = Path(snapshot_download(repo, revision=revision, allow_patterns=list(found.wanted)))
                return Located(path, path.name, stated_license(found.info) or license_of(path / "README.md"))
            path = Path(hf_hub_download(repo, found.file, revision=revision))
            commit = path.parents[found.file.count("/")].name  # in the cache, the commit's folder
            return Located(path, commit, license_beside(found))
    except (HTTPError, OSError) as e:
        return _locate_downloaded(repo, found.file, revision, e)


@contextmanager
def _refusing(repo: str, revision: str | None) -> Yielding[None]:
    """The Hub's own refusals as ours."""
    try:
        yield
    except GatedRepoError as e:
        raise CheckpointError(f"{repo} is gated: ask for access on its page, then type `hf auth login`") from e
    except RevisionNotFoundError as e:
        raise CheckpointError(f"{repo} has no revision {revision!r}") from e
    except RepositoryNotFoundError as e:
        text = f"{repo!r} is no file here and no model on the Hub; if it is private, type `hf auth login`"
        raise CheckpointError(text) from e
    except (EntryNotFoundError, LocalEntryNotFoundError, HFValidationError) as e:
        raise CheckpointError(f"{repo} could not be fetched: {e}") from e


def _names(info: ModelInfo) -> list[str]:
    return sorted(sibling.rfilename for sibling in info.siblings or ())


def license_beside(found: Remote) -> str | None:
    """The licence of a file on the Hub: that of its repository's card, which is fetched where the Hub has not read it."""
    stated = stated_license(found.info)
    if stated or "README.md" not in _names(found.info):
        return stated
    return license_of(Path(hf_hub_download(found.repo, "README.md", revision=found.revision)))


def stated_license(info: ModelInfo) -> str | None:
    """The licence that a repository's card states."""
    named = (info.card_data.get("license_name") or info.card_data.get("license")) if info.card_data else None
    if isinstance(named, list):
        named = ", ".join(str(each) for each in named)
    return named[:LONGEST_LICENSE] if isinstance(named, str) and named else None


def _folder_files(repo: str, names: set[str], revision: str | None) -> list[str]:
    """What makes up a repository that is a generator as a whole; nothing where each of its files stands for itself."""
    if names >= folder.FILES or names >= adapter.FILES:
        return list(FOLDER_FILES)
    if names >= biggan_deep.FILES:
        config = Path(hf_hub_download(repo, biggan_deep.CONFIG, revision=revision))
        return [*sorted(biggan_deep.FILES), "README.md"] if biggan_deep.is_config(config) else []
    return []


def _locate_downloaded(repo: str, file: str | None, revision: str | None, problem: Exception) -> Located:
    """What an earlier download left in the cache, for when the Hub cannot be reached."""
    reason = f"the Hub could not be reached for {repo!r} ({type(problem).__name__}: {problem})"
    try:
        wanted = list(FOLDER_FILES) if file is None else [file]  # more was never downloaded and would be missed
        snapshot = Path(snapshot_download(repo, revision=revision, allow_patterns=wanted, local_files_only=True))
    except (LocalEntryNotFoundError, OSError) as e:
        raise CheckpointError(f"{reason}, and there is no file or folder of that name here") from e
    path = snapshot / file if file else snapshot
    if not path.exists():
        raise CheckpointError(f"{reason} and {file} was not downloaded before")
    log.warning("%s: took what was downloaded before, commit %s", reason, snapshot.name)
    return dataclasses.replace(_locate_local(path, repo), revision=snapshot.name, license=license_of(snapshot / "README.md"))


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


def _plain(text: str) -> str:
    """A word of YAML without its quotes."""
    return text.strip().strip("'\" ")


def license_of(card: Path) -> str | None:
    """The licence in the front matter of a model card, None without a card or a licence.

    Nobody vouches for a card: only its beginning is read, line by line.
    """
    if not card.is_file():
        return None
    with card.open("rb") as file:
        first, *lines = file.read(LONGEST_CARD).decode("utf-8", "replace").splitlines() or [""]
    found: dict[str, str] = {}
    key = ""
    for line in lines if first.rstrip() == "---" else ():
        if line.rstrip() == "---":
            named = found.get("license_name") or found.get("license")
            return named[:LONGEST_LICENSE] if named else None
        if line.lstrip().startswith("- ") and key in LICENSES:  # a list of them
            found[key] = ", ".join(filter(None, [found[key], _plain(line.lstrip()[2:])]))
            continue
        key, colon, value = line.partition(":")
        if colon and key in LICENSES:
            found[key] = ", ".join(filter(None, map(_plain, value.strip().strip("[]").split(","))))
    return None
