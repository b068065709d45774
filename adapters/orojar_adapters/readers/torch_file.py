"""Files written by `torch.save`: a zip of one pickle and raw storages, or the older format, both read as data."""

import io
import struct
import zipfile
from pathlib import Path

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.tensors import NAMES, Storages, TensorReader, flat_tensor, read_legacy, storages_of
from orojar_adapters.readers.unpickle import Bounded, Pickle, read_pickle

DAMAGED = (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, ValueError, struct.error)
"""What `zipfile` can meet in a damaged file."""


def read_torch(path: Path) -> tuple[Pickle, TensorReader]:
    """The value of a torch file in either format, and the reader of its tensors.

    Raises:
        CheckpointError: no torch file, or damaged.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return read_zip(path)
        file.seek(0)
        return read_old(file, path.stat().st_size)


def read_zip(path: Path) -> tuple[Pickle, TensorReader]:
    """The value of a zipped torch file and the reader of its tensors.

    Raises:
        CheckpointError: no torch file, compressed or oversized entries, or damaged.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file, open_zip(file, size) as archive:
            folder, value = read_contents(archive, size)
            storages: Storages = {}
            for key, (dtype, length) in storages_of(value.value).items():
                storages[key] = flat_tensor(archive.read(f"{folder}data/{key}"), dtype, length)
    except CheckpointError:
        raise
    except DAMAGED as e:
        raise CheckpointError(f"this zip is damaged or cut short ({e})") from e
    return value, TensorReader(storages)


def read_contents(archive: zipfile.ZipFile, size: int) -> tuple[str, Pickle]:
    """The folder inside a zipped torch file of `size` bytes, and its value: all but the storages.

    Raises:
        CheckpointError: no torch file, a program, compressed or oversized entries.
    """
    pickles = pickles_in(archive)
    if len(pickles) != 1:
        raise CheckpointError("this zip was not written by torch.save: it has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    _check_no_program(archive, folder)
    check_entries(archive, size)
    _check_byte_order(archive, f"{folder}byteorder")
    return folder, read_value(archive.read(pickles[0]))


def pickles_in(archive: zipfile.ZipFile) -> list[str]:
    """The entries that may hold the value of a zipped torch file, which has exactly one."""
    return [name for name in archive.namelist() if name.endswith("data.pkl") and name.count("/") <= 1]


def read_value(data: bytes) -> Pickle:
    """The value that a `data.pkl` holds.

    Raises:
        CheckpointError: as `read_pickle`.
    """
    return read_pickle(Bounded(io.BytesIO(data), len(data)), NAMES, persistent_ids=True)


LARGEST_DIRECTORY = 2**21
"""Bytes of a zip's directory, with room for some 20,000 storages; in memory an entry takes ten times as much."""


class _Watched(io.RawIOBase):
    """A file for `zipfile`, which reads a directory at once, however large it says it is."""

    def __init__(self, file: io.BufferedIOBase, size: int) -> None:
        self.file, self.size = file, size
        self.most = LARGEST_DIRECTORY

    def read(self, size: int = -1, /) -> bytes:
        left = max(self.size - self.file.tell(), 0)
        if min(left if size < 0 else size, left) > self.most:
            raise CheckpointError(f"the directory of this zip is larger than {LARGEST_DIRECTORY >> 20} MB, no checkpoint's is")
        return self.file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True


def open_zip(file: io.BufferedIOBase, size: int) -> zipfile.ZipFile:
    """A zip of `size` bytes, its directory read.

    Raises:
        CheckpointError: a directory larger than that of any checkpoint.
        BadZipFile: no zip, or damaged.
    """
    watched = _Watched(file, size)
    archive = zipfile.ZipFile(watched)
    watched.most = size  # what follows are entries
    return archive


def check_entries(archive: zipfile.ZipFile, size: int) -> None:
    """torch never compresses: a compressed entry or more declared bytes than the file has is an attack or damage.

    Raises:
        CheckpointError: either of them.
    """
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise CheckpointError("this zip has compressed or encrypted entries, which torch.save never writes: refused")
    if sum(entry.file_size for entry in entries) > size:
        raise CheckpointError("this zip declares more data than the file has: refused")


def _check_no_program(archive: zipfile.ZipFile, folder: str) -> None:
    """TorchScript archives hold code, which loading them compiles and may run."""
    if any(name.startswith(f"{folder}code/") for name in archive.namelist()):
        raise CheckpointError(
            "this is a TorchScript program, not weights: it is not loaded here. Where you trust it, load it yourself and call "
            "orojar_adapters.wrap(torch.jit.load(file), latent_size)"
        )


def _check_byte_order(archive: zipfile.ZipFile, name: str) -> None:
    if name in archive.namelist() and archive.read(name).strip() != b"little":
        raise CheckpointError("this file was written on a big-endian machine, which is not read")


def read_old(file: io.BufferedIOBase, size: int) -> tuple[Pickle, TensorReader]:
    """The value of a torch file in the format before zip, and the reader of its tensors."""
    value, storages = read_legacy(Bounded(file, size))
    return value, TensorReader(storages)
