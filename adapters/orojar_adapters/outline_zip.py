"""A zipped torch file without the values of its weights: its directory, its pickle and its small entries, all else holes.

Readers look at few values: those of resampling filters, counters and levels of growing, which are small and are kept. From
the others nothing is told but that they are finite and, under spectral norm, no zero matrix: so each begins with a one.
What the checksums of the large entries would have told is not told either.
"""

import io
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import torch

from orojar_adapters.errors import CheckpointError
from orojar_adapters.readers import detect
from orojar_adapters.readers.state_dict import shape_of
from orojar_adapters.readers.tensors import MOST_DIMS, called, storage_dtype, storages_of
from orojar_adapters.readers.torch_file import check_entries, open_zip, pickles_in, read_contents, read_value
from orojar_adapters.readers.unpickle import Call

BLOCK = 2**15
"""Bytes that are sent at least, where a remote file is read."""
REQUEST = 2**18
"""Bytes of a whole file that are sent in the time of one request: a file that takes more requests is better fetched whole."""
FEWEST_REQUESTS = 6
"""The head, the end, its 64-bit form, the directory, the pickle, and the first of the small entries."""
LARGEST_PICKLE = 2**24
LARGEST_VALUE = 2**15
"""Bytes of an entry that is kept: the blur filters of a StyleGAN have 18 kB."""
DEEPEST = 3
"""Dictionaries inside one another down to the tensors that a reader may ask for; those of optimizers lie deeper."""
LOCAL_HEADER = 30
ZEROS = bytes(2**20)


class _Sparse(io.BufferedWriter):
    """A file in which zeros become holes."""

    def write(self, data: Any, /) -> int:
        if data == ZEROS[: len(data)]:
            self.seek(len(data), 1)
            return len(data)
        return super().write(data)


def outline_zip(file: io.BufferedIOBase, size: int, target: Path) -> bool:
    """Writes a zip of the same names and sizes, of which the ordinary reader tells the same facts, or the same refusal.

    Args:
        file: of `size` bytes, read by its directory and in the order of its entries.

    Returns:
        False where there is none: another format, entries that share their names or their bytes, values that may be looked at
        and lie in a large storage, or a file so small, or with small entries so scattered, that it is sooner fetched whole.

    Raises:
        CheckpointError: a directory or sizes that the reader refuses, or records that refer to no storage.
        BadZipFile: and all else of `DAMAGED`, in a damaged directory or kept entry.
    """
    if size < FEWEST_REQUESTS * REQUEST or file.read(4) != b"PK\x03\x04":
        return False
    with open_zip(file, size) as archive:
        check_entries(archive, size)
        entries = {entry.filename: entry for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset)}
        if not _is_plain(archive, list(entries.values())):
            return False
        pickles = pickles_in(archive)
        heads = [name for name in entries if name in pickles or (name.endswith("byteorder") and name.count("/") <= 1)]
        if sum(entries[name].file_size for name in heads) > LARGEST_PICKLE:
            return False
        kept = {name: archive.read(name) for name in heads}
        begun: dict[str, bytes] = {}
        if len(pickles) == 1 and (value := _value(kept[pickles[0]])) is not None:
            data = f"{pickles[0].removesuffix('data.pkl')}data/"
            begun = {f"{data}{key}": _one(dtype) for key, (dtype, _) in storages_of(value).items()}
            asked = {f"{data}{key}" for key in _small_tensors(value)} & entries.keys()
            small = [entry for name, entry in entries.items() if name in asked]
            if any(entry.file_size > LARGEST_VALUE for entry in small) or not _is_worth(small, size):
                return False
            kept |= {entry.filename: archive.read(entry) for entry in small}
    with _Sparse(io.FileIO(target, "w")) as raw, zipfile.ZipFile(raw, "w") as copy:
        for name, entry in entries.items():
            _copy(copy, name, entry.file_size, kept.get(name) or begun.get(name, b"")[: entry.file_size])
    return True


def refused_by_names(path: Path) -> bool:
    """Whether an outline is refused for what its names and its pickle say: then the whole file would be, too."""
    try:
        with path.open("rb") as file, open_zip(file, size := path.stat().st_size) as archive:
            _, pickle = read_contents(archive, size)
    except CheckpointError:
        return True
    return not any(known.matches(pickle.value) for known in detect.TORCH_READERS)


def _is_plain(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> bool:
    """Whether every entry has a name of its own, in ASCII, which is read back as it was written, and bytes of its own."""
    if len(entries) != len(archive.namelist()) or not all(entry.filename.isascii() for entry in entries):
        return False
    ends = [entry.header_offset + LOCAL_HEADER + len(entry.filename) + entry.file_size for entry in entries]
    starts = [*(entry.header_offset for entry in entries[1:]), archive.start_dir]
    return bool(entries) and all(end <= start for end, start in zip(ends, starts, strict=True))


def _value(data: bytes) -> Any:
    """The value of a pickle, None for one that is refused, which the reader of the outline will say."""
    try:
        return read_value(data).value
    except CheckpointError:
        return None


def _one(dtype: torch.dtype) -> bytes:
    return torch.ones(1, dtype=dtype).view(torch.uint8).numpy().tobytes()


def _small_tensors(value: Any) -> Iterator[str]:
    """The keys of the storages in which tensors lie whose values a reader may look at."""
    for record in _records(value):
        size = shape_of(record)
        if size is not None and len(size) <= MOST_DIMS and max(size, default=0) <= LARGEST_VALUE:
            tensor = record.args[0] if called(record) == "torch._utils._rebuild_parameter" else record
            key, dtype, _ = storage_dtype(tensor.args[0])
            if prod(size) * dtype.itemsize <= LARGEST_VALUE:
                yield key


def _records(value: Any) -> Iterator[Call]:
    level, seen = [value], set()
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for item in level:
            if id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, Call):
                yield item
        level = below


def _is_worth(small: list[zipfile.ZipInfo], size: int) -> bool:
    """Whether fetching these entries, in their order, takes less time than fetching all `size` bytes."""
    gaps = sum(after.header_offset - before.header_offset > BLOCK for before, after in pairwise(small))
    full = sum(entry.file_size for entry in small) // BLOCK
    return (FEWEST_REQUESTS + gaps + full) * REQUEST <= size


def _copy(archive: zipfile.ZipFile, name: str, size: int, begin: bytes) -> None:
    entry = zipfile.ZipInfo(name)
    entry.file_size = size  # tells whether sizes of 64 bits are needed
    with archive.open(entry, "w") as target:
        target.write(begin)
        for at in range(len(begin), size, len(ZEROS)):
            target.write(ZEROS[: size - at])
