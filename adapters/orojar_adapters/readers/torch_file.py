"""Reads files written by `torch.save` as data: a zip of one pickle and raw storages, or the older format."""

import io
import struct
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.records import NAMES, TensorReader, flat_tensor, read_legacy
from orojar_adapters.readers.unpickle import Bounded, Pickle, read_pickle

ZIP = b"PK\x03\x04"
DAMAGED = (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, ValueError, struct.error)
"""Exceptions that `zipfile` raises for a damaged file."""
LARGEST_DIRECTORY = 2**21
"""Bytes of a zip's directory, with room for some 20,000 storages; in memory an entry takes ten times as much."""


@contextmanager
def read_torch(path: Path) -> Generator[tuple[Pickle, TensorReader]]:
    """Opens a torch file and yields its value and the reader of its tensors, which works while the file is open.

    Raises:
        CheckpointError: not a torch file, a program, compressed or oversized entries, or damaged.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        is_zip = file.read(len(ZIP)) == ZIP
        file.seek(0)
        if is_zip:
            yield _read_zip(file, size)
        else:
            pickle, read = read_legacy(Bounded(file, size))
            yield pickle, TensorReader(read)


def _read_zip(file: io.BufferedIOBase, size: int) -> tuple[Pickle, TensorReader]:
    try:
        directory = _Limited(file, size)
        archive = zipfile.ZipFile(directory)
        directory.most = size  # what follows are entries
        pickles = [name for name in archive.namelist() if name.endswith("data.pkl") and name.count("/") <= 1]
        if len(pickles) != 1:
            raise CheckpointError("this zip was not written by torch.save: it has no data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        _check(archive, folder, size)
        data = archive.read(pickles[0])
    except CheckpointError:
        raise
    except DAMAGED as e:
        raise _damaged(e) from e

    def read(key: str, dtype: torch.dtype, length: int) -> Tensor:
        try:
            return flat_tensor(archive.read(f"{folder}data/{key}"), dtype, length)
        except CheckpointError:
            raise
        except DAMAGED as e:
            raise _damaged(e) from e

    return read_pickle(Bounded(io.BytesIO(data), len(data)), NAMES, persistent_ids=True), TensorReader(read)


def _damaged(problem: Exception) -> CheckpointError:
    return CheckpointError(f"this zip is damaged or cut short ({problem})")


class _Limited(io.RawIOBase):
    """A file for `zipfile`, which reads a directory at once, however large it claims to be."""

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


def _check(archive: zipfile.ZipFile, folder: str, size: int) -> None:
    """Refuses what is not plain data.

    Torch never compresses, so a compressed entry, or more declared bytes than the file has, is an attack or damage.
    """
    entries = archive.infolist()
    if any(entry.filename.startswith(f"{folder}code/") for entry in entries):
        raise CheckpointError(
            "this is a TorchScript program, not weights: it is not loaded here. If you trust it, load it yourself and call "
            "orojar_adapters.wrap(torch.jit.load(file), latent_size)"
        )
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise CheckpointError("this zip has compressed or encrypted entries, which torch.save never writes: refused")
    if sum(entry.file_size for entry in entries) > size:
        raise CheckpointError("this zip declares more data than the file has: refused")
    byte_order = f"{folder}byteorder"
    if byte_order in archive.namelist() and archive.read(byte_order).strip() != b"little":
        raise CheckpointError("this file was written on a big-endian machine, which is not read")
