"""Reads from the Hugging Face Hub: lists one commit, then downloads files of that commit, each verified once.

The listing of every commit that was used is kept next to the cache. If the Hub cannot be reached, that listing decides which
file is meant, never what happens to be in the cache. Refusals (4xx) are always reported, even if the file is in the cache.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.file_download import repo_folder_name

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.opening.asking import UnreachableError, ask

log = logging.getLogger("orojar")

TIMEOUT = 10.0
"""Timeout of a request to the Hub, in seconds."""
BLOCK = 2**20
LONGEST_LICENSE = 200
"""Maximum length of a license's name, in characters."""
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Entry:
    """A file of a repository.

    Attributes:
        size: in bytes.
        digest: SHA-256 of a large file, Git's SHA-1 of a small one; None if the Hub does not state it.
    """

    size: int | None
    digest: str | None


@dataclass(frozen=True)
class Access:
    """Options of access to the Hub.

    Attributes:
        token: None takes the one of `hf auth login`.
        cache_dir: where downloads are kept; None uses the default of huggingface_hub.
        local_files_only: use what was downloaded before, without any request.
    """

    token: str | None = None
    cache_dir: Path | None = None
    local_files_only: bool = False

    def folder_of(self, repo: str) -> Path:
        """Returns the cache folder of a repository."""
        cache = Path(constants.HF_HUB_CACHE) if self.cache_dir is None else self.cache_dir
        return cache / repo_folder_name(repo_id=repo, repo_type="model")


@dataclass(frozen=True)
class Listing:
    """The files and the license of one commit of a repository.

    Attributes:
        license: as its card states it.
    """

    repo: str
    commit: str
    files: Mapping[str, Entry]
    license: str | None = None
    access: Access = field(default_factory=Access, compare=False)

    def path(self, name: str) -> Path:
        """Returns the local path of a file of the commit, downloaded if needed and verified once.

        Raises:
            CheckpointError: the file is not available, or its checksum is not the one that the Hub lists.
        """
        path = self._cached(name)
        if path is not None and self._verify(path, name):
            return path
        for _ in range(2):
            path = self._download(name)
            if self._verify(path, name):
                return path
        raise CheckpointError(
            f"{name} of {self.repo} was downloaded twice, and neither copy has the checksum that the Hub lists: both were "
            "deleted. Either a proxy changes downloads, or the repository is damaged"
        )

    def _cached(self, name: str) -> Path | None:
        found = try_to_load_from_cache(self.repo, name, cache_dir=self.access.cache_dir, revision=self.commit)
        return Path(found) if isinstance(found, str) else None

    def _download(self, name: str) -> Path:
        if self.access.local_files_only:
            raise CheckpointError(
                f"{name} of {self.repo} is not in the local cache, and local_files_only forbids downloading it"
            )
        try:
            return Path(ask(lambda: self._fetch(name), self.repo, self.commit, name))
        except UnreachableError as e:
            raise CheckpointError(f"{e}, and {name} of commit {self.commit[:7]} is not in the local cache") from e

    def _fetch(self, name: str) -> str:
        how = self.access
        return hf_hub_download(self.repo, name, revision=self.commit, cache_dir=how.cache_dir, token=how.token)

    def _verify(self, path: Path, name: str) -> bool:
        """Returns whether a download has the checksum that the Hub lists; deletes it if not."""
        entry = self.files.get(name)
        if entry is None or entry.digest is None:
            return True
        mark = self.access.folder_of(self.repo) / "orojar" / "verified" / entry.digest
        if mark.exists():
            return True
        if _digest(path, len(entry.digest)) == entry.digest:
            with contextlib.suppress(OSError):
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.touch()
            return True
        log.warning("%s of %s does not have the checksum that the Hub lists: deleted", name, self.repo)
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        return False


def list_repository(repo: str, revision: str | None, access: Access) -> Listing:
    """Returns the listing of a repository at a revision: by one request, or none for a commit that was listed before.

    Raises:
        CheckpointError: the Hub refuses, or it cannot be reached and this revision was never listed.
    """
    kept = _kept(repo, revision, access)
    if kept is not None and kept.commit == revision:
        return kept
    if access.local_files_only:
        if kept is None:
            raise CheckpointError(f"{repo!r} is not in the local cache, and local_files_only forbids downloading it")
        return kept
    try:
        return _remember(_asked(repo, revision, access), revision)
    except UnreachableError as e:
        if kept is None:
            where = f" at revision {revision!r}" if revision else ""
            raise CheckpointError(f"{e}, and {repo!r}{where} is not in the local cache") from e
        log.warning("%s: using commit %s of %s from the local cache", e, kept.commit[:7], repo)
        return kept


def _asked(repo: str, revision: str | None, access: Access) -> Listing:
    api = HfApi(token=access.token)
    info = ask(lambda: api.model_info(repo, revision=revision, files_metadata=True, timeout=TIMEOUT), repo, revision)
    files = {
        sibling.rfilename: Entry(sibling.size, sibling.lfs.sha256 if sibling.lfs else sibling.blob_id)
        for sibling in info.siblings or ()
    }
    if not info.sha:
        raise UnreachableError(f"the Hub did not say which commit of {repo} it has")
    stated = (info.card_data.get("license_name") or info.card_data.get("license")) if info.card_data else None
    return Listing(repo, info.sha, dict(sorted(files.items())), stated_license(stated), access)


def stated_license(stated: object) -> str | None:
    """Returns the license that a card states, as a name or a list of names; None for anything else."""
    if isinstance(stated, list):
        stated = ", ".join(map(str, stated))
    return stated[:LONGEST_LICENSE] if isinstance(stated, str) and stated else None


def _digest(path: Path, length: int) -> str:
    """Returns the SHA-256 of a file if the digest has 64 hexadecimal digits, otherwise Git's SHA-1."""
    digest = hashlib.sha256() if length == 64 else hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _kept(repo: str, revision: str | None, access: Access) -> Listing | None:
    """Returns the last known listing of a revision, or None."""
    folder = access.folder_of(repo) / "orojar"
    try:
        commit = revision or "main"
        if not COMMIT.fullmatch(commit):
            commit = (folder / "refs" / quote(commit, safe="")).read_text(encoding="utf-8").strip()
        found = json.loads((folder / "listings" / f"{commit}.json").read_text(encoding="utf-8"))
        files = {str(name): Entry(size, digest) for name, (size, digest) in found["files"].items()}
        return Listing(repo, commit, files, stated_license(found["license"]), access)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _remember(listing: Listing, revision: str | None) -> Listing:
    """Keeps a listing next to the cache; if it cannot be written, the next command asks the Hub again."""
    folder = listing.access.folder_of(listing.repo) / "orojar"
    files = {name: dataclasses.astuple(entry) for name, entry in listing.files.items()}
    with contextlib.suppress(OSError):
        _write(folder / "listings" / f"{listing.commit}.json", json.dumps({"files": files, "license": listing.license}))
        if revision != listing.commit:
            _write(folder / "refs" / quote(revision or "main", safe=""), listing.commit)
    return listing


def _write(path: Path, text: str) -> None:
    """Writes a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
