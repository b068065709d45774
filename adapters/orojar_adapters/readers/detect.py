"""Which reader a file or folder is for: by its content, never by its name alone."""

from pathlib import Path

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers import (
    adapter,
    biggan,
    biggan_deep,
    dcgan,
    folder,
    genforce,
    nvlabs,
    nvlabs_state,
    nvlabs_tf,
    rosinality,
)
from orojar_adapters.readers.checkpoint import Checkpoint
from orojar_adapters.readers.tensors import NAMES, TensorReader
from orojar_adapters.readers.torch_file import read_old, read_zip
from orojar_adapters.readers.unpickle import Bounded, Pickle, read_pickle

LEGACY_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The magic number that opens torch files in the format before zip, behind the two bytes of the protocol."""
READS = (
    "a model folder, an NVlabs StyleGAN2 (PyTorch or TensorFlow) or StyleGAN3 .pkl, a StyleGAN2 state dict in NVlabs' names, a "
    "rosinality StyleGAN2 .pt, a genforce .pth, a BigGAN-PyTorch .pth, a BigGAN-deep folder or a DCGAN's state dict"
)
TORCH_READERS = (rosinality, nvlabs_state, genforce, biggan, dcgan)


def is_model_folder(path: Path) -> bool:
    """Whether a folder is a model folder of ours, with a generator whole or as an adapter."""
    return folder.matches(path) or adapter.matches(path)


def read(path: Path, class_names: dict[str, str], source: str) -> Checkpoint:
    """What a file or model folder holds.

    Raises:
        CheckpointError: not a checkpoint that we read; the text says what it is.
    """
    if path.is_dir() and biggan_deep.matches(path):
        return biggan_deep.read(path, source)
    if path.is_dir():
        return folder.read(path, class_names, source)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        file.seek(0)
        if head.startswith(b"PK\x03\x04"):
            return _torch(*read_zip(path), source, path.name)
        if head[2:].startswith(LEGACY_TORCH):
            return _torch(*read_old(file, size), source, path.name)
        if head[8:9] == b"{" and nvlabs_state.is_export(state := folder.read_tensors(path)):
            return nvlabs_state.checkpoint(state, source, path.name)
        if head[:1] == b"\x80":
            pickle = read_pickle(Bounded(file, size), NAMES)
            if nvlabs.matches(pickle):
                return nvlabs.read(pickle, source, path.name)
            if nvlabs_tf.matches(pickle):
                return nvlabs_tf.read(pickle, source, path.name)
            raise CheckpointError(f"{path.name} is a pickle without a network in it; expected {READS}")
    raise CheckpointError(f"{path.name} is {_describe(head, size)}; expected {READS}")


def _torch(pickle: Pickle, reader: TensorReader, source: str, file: str) -> Checkpoint:
    for known in TORCH_READERS:
        if known.matches(pickle.value):
            return known.read(pickle, reader, source, file)
    if biggan_deep.is_weights(pickle.value):
        raise CheckpointError(f"{file} is a BigGAN-deep without its {biggan_deep.CONFIG} (give the folder that holds both)")
    keys = [str(key)[:40] for key in list(pickle.value)[:8]] if isinstance(pickle.value, dict) else type(pickle.value).__name__
    raise CheckpointError(f"{file} is a torch file of a family that is not read ({keys}); expected {READS}")


def _describe(head: bytes, size: int) -> str:
    if not size:
        return "empty"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the weights (fetch them with `git lfs pull`)"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page, not the weights (download the file itself)"
    if head[8:9] == b"{":
        return f"a safetensors file without its {folder.CONFIG} (give the folder that holds both)"
    return "of no known checkpoint format"
