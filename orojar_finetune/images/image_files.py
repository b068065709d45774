"""Image sources: a folder or a zip file (a dataset on the Hub is another `ImageSource`)."""

import os
import threading
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from orojar_adapters.contract.generator import Labels
from orojar_finetune.images.image_labels import LISTING, labels_of_files

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
LARGEST = 2**30
"""Bytes: a zip entry that would unpack to more is refused."""
ENCRYPTED = 1
"""The flag bit of an encrypted entry (APPNOTE, 4.4.4)."""


class ImageSource(ABC):
    """Image files by index, read by several threads at once.

    Attributes:
        where: the place, for messages.
    """

    where: str

    @abstractmethod
    def __len__(self) -> int:
        """The number of images, at least one."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Returns the name of a file, for messages."""

    @abstractmethod
    def read(self, index: int) -> bytes:
        """Returns the content of a file."""

    @abstractmethod
    def labels(self, classes: int) -> Labels:
        """Returns the label of every image: class indices, or rows of values.

        Args:
            classes: the number of classes that the generator has.

        Raises:
            ValueError: there are no labels, or they are for another number of classes.
        """


class Folder(ImageSource):
    """The images in a folder and its subfolders, without hidden ones, sorted by name."""

    def __init__(self, root: Path) -> None:
        self.root, self.where = root, str(root)
        try:
            self.names = sorted(path.relative_to(root).as_posix() for path in _images(root, ()))
        except OSError as e:
            raise ValueError(f"data: {root} cannot be read ({e})") from e
        if not self.names:
            raise ValueError(_without_images(root))

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        return str(self.root / self.names[index])

    def read(self, index: int) -> bytes:
        return (self.root / self.names[index]).read_bytes()

    def labels(self, classes: int) -> Labels:
        listing = self.root / LISTING
        return labels_of_files(self.names, listing.read_bytes() if listing.is_file() else None, classes, self.where)


class Zip(ImageSource):
    """The images in a zip file, as if unpacked; a single folder around everything is ignored."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as e:
            raise ValueError(f"data: {path} is neither a folder nor a readable zip file ({e})") from e
        files = {info.filename.replace("\\", "/"): info for info in self._archive.infolist() if not info.is_dir()}
        files = {name: info for name, info in files.items() if not _is_hidden(name)}
        images = sorted(name for name in files if name.lower().endswith(SUFFIXES))
        if not images:
            raise ValueError(_without_images(path))
        if any(files[name].flag_bits & ENCRYPTED for name in images):
            raise ValueError(f"data: {path} is protected by a password; unpack it and give the folder instead")
        around = _folder_around([*images, *(name for name in files if name.rsplit("/", 1)[-1] == LISTING)])
        self.names = [name.removeprefix(around) for name in images]
        self._entries = [files[name] for name in images]
        self._listing = files.get(around + LISTING)
        self._lock = threading.Lock()  # ZipFile counts its readers without one

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        return f"{self._entries[index].filename} in {self.where}"

    def read(self, index: int) -> bytes:
        return self._read(self._entries[index])

    def labels(self, classes: int) -> Labels:
        try:
            listing = None if self._listing is None else self._read(self._listing)
        except Exception as e:  # zipfile raises whatever a damaged entry trips up
            raise ValueError(f"{self.where}: {LISTING} cannot be read ({type(e).__name__}: {e})") from e
        return labels_of_files(self.names, listing, classes, self.where)

    def _read(self, entry: zipfile.ZipInfo) -> bytes:
        if entry.file_size > LARGEST:
            raise ValueError(f"it would unpack to {entry.file_size:,} bytes")
        with self._lock:
            return self._archive.read(entry)


def _images(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """Yields image files, following links except those that lead back up."""
    real = folder.resolve()
    if real in above:
        return
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir()) for entry in entries if not _is_hidden(entry.name)]
    for name, is_folder in found:
        if is_folder:
            yield from _images(folder / name, (*above, real))
        elif name.lower().endswith(SUFFIXES):
            yield folder / name


def _is_hidden(name: str) -> bool:
    """Returns whether a path was put there by the system: macOS has a `._a.png` beside every a.png."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _folder_around(names: list[str]) -> str:
    tops = {name.split("/", 1)[0] if "/" in name else "" for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and "" not in tops else ""


def _without_images(where: Path) -> str:
    return f"data: there are no images in {where}; expected files ending in {', '.join(SUFFIXES)}"
