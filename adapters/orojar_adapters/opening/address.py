"""Parses what a person types as a source: paths, `user/repo[@revision][/sub/folder][/file]`, URLs of the Hub."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from huggingface_hub import constants

from orojar_adapters.contract.errors import CheckpointError

WEIGHT_SUFFIXES = (".pkl", ".pt", ".pth", ".bin", ".safetensors", ".ckpt", ".tar")
REPO = re.compile(r"\w[\w.-]*/\w[\w.-]*")
REVISION = re.compile(r"@(refs/(?:pr|convert)/\w+|[^/@]+)")
"""As in `user/repo@v1.0/file.pkl`, the spelling of the Hub's own file system."""


class Address(NamedTuple):
    """A file, folder or repository on the Hub."""

    repo: str
    inside: str | None
    """File or folder in the repository."""
    revision: str | None

    @classmethod
    def parse(cls, text: str) -> "Address | None":
        """Parses `user/repo[@revision][/inside]` or a URL of the Hub; returns None for anything else.

        Raises:
            CheckpointError: a Space or a dataset.
        """
        place, revision = _without_host(text), None
        if place is None:
            return None
        text = place
        if text.startswith(("spaces/", "datasets/")):
            kind = "a Space" if text.startswith("spaces/") else "a dataset"
            raise CheckpointError(f"{text} is {kind}, not a model: give the user/repo of a model")
        text = text.removeprefix("models/")
        if marked := REVISION.search(text):
            revision, text = unquote(marked[1]), text[: marked.start()] + text[marked.end() :]
        parts = text.split("/", 2)
        if len(parts) < 2 or not REPO.fullmatch("/".join(parts[:2])):
            return None
        if len(parts) == 3 and (page := re.match(r"(?:blob|resolve|tree|commit)/([^/]+)/?", parts[2])):
            revision, parts[2] = unquote(page[1]), parts[2][page.end() :]
        inside = unquote(parts[2]).strip("/") if len(parts) == 3 else ""
        return cls("/".join(parts[:2]), inside or None, revision)


def _without_host(text: str) -> str | None:
    """Returns the path of a URL of the Hub, and any other text as it is; None for a URL of another host."""
    hosts = ("huggingface.co", "hf.co", urlsplit(constants.ENDPOINT).netloc)
    if text.startswith("hf://"):
        return text.removeprefix("hf://").strip("/")
    if text.startswith(tuple(f"{host}/" for host in hosts)):
        text = f"https://{text}"
    if not text.startswith(("http://", "https://")):
        return text
    url = urlsplit(text)
    return url.path.strip("/") if url.netloc in hosts else None


def name_of(text: str) -> str:
    """Returns a short name for a source: the file name without its suffix, or the last part of the folder or repository."""
    address = Address.parse(text) if existing(text) is None else None
    path = Path(text).expanduser().resolve() if address is None else Path(address.inside or address.repo)
    return path.stem if path.suffix in WEIGHT_SUFFIXES and not path.is_dir() else path.name


def existing(text: str) -> Path | None:
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # too long for a name, or the home of nobody here
        return None
