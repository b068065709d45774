"""Decides which reader a file or folder is for: by its content, never by its name alone."""

from pathlib import Path

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers import adapter, biggan_deep, folder, formats, nvlabs, nvlabs_stylegan2, nvlabs_tf
from orojar_adapters.readers.checkpoint import Checkpoint
from orojar_adapters.readers.records import NAMES
from orojar_adapters.readers.state_dicts import WHOLE, StateDicts, state_dicts
from orojar_adapters.readers.tensors import Tensors
from orojar_adapters.readers.torch_file import ZIP, read_torch
from orojar_adapters.readers.unpickle import Bounded, read_pickle

LEGACY_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The magic number that opens torch files in the format before zip, after the two bytes of the protocol."""
READS = (
    "a model folder, an NVlabs StyleGAN2 (PyTorch or TensorFlow) or StyleGAN3 .pkl, a StyleGAN2 state dict in NVlabs' names, a "
    "rosinality StyleGAN2 .pt, a genforce .pth, a BigGAN-PyTorch .pth, a BigGAN-deep folder or a DCGAN's state dict"
)


def is_model_folder(path: Path) -> bool:
    """Whether a folder is a model folder of ours, with a generator whole or as an adapter."""
    return folder.matches(path) or adapter.matches(path)


def read(path: Path, class_names: dict[str, str], source: str) -> Checkpoint:
    """Returns what a file or model folder holds.

    Args:
        class_names: family by class name, as the `config.json` of a model folder states it.
        source: what was asked for, for the facts.

    Raises:
        CheckpointError: not a checkpoint that is read here; the text says what it is.
    """
    if path.is_dir():
        return biggan_deep.read(path, source) if biggan_deep.matches(path) else folder.read(path, class_names, source)
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(ZIP) or head[2:].startswith(LEGACY_TORCH):
        return _read_torch(path, source)
    if head[8:9] == b"{":
        tensors = Tensors(folder.read_tensors(path).items(), lambda tensor: tensor)
        if nvlabs_stylegan2.is_export(tensors) and (
            found := formats.read(StateDicts({WHOLE: tensors}, {}), set(), source, path.name)
        ):
            return found
    if head[:1] == b"\x80":
        return _read_pickle(path, source)
    raise CheckpointError(f"{path.name} is {_describe(head)}; expected {READS}")


def _read_torch(path: Path, source: str) -> Checkpoint:
    with read_torch(path) as (pickle, reader):
        file = state_dicts(pickle.value, reader.tensor)
        if found := formats.read(file, pickle.globals, source, path.name):
            return found
    if any(biggan_deep.MARK in tensors for tensors in file.places.values()):
        raise CheckpointError(
            f"{path.name} is a BigGAN-deep without its {biggan_deep.CONFIG} (give the folder that holds both)"
        )
    value = pickle.value
    keys = [str(key)[:40] for key in list(value)[:8]] if isinstance(value, dict) else type(value).__name__
    raise CheckpointError(f"{path.name} is a torch file of a family that is not read ({keys}); expected {READS}")


def _read_pickle(path: Path, source: str) -> Checkpoint:
    with path.open("rb") as file:
        pickle = read_pickle(Bounded(file, path.stat().st_size), NAMES)
    for known in (nvlabs, nvlabs_tf):
        if known.matches(pickle):
            return known.read(pickle, source, path.name)
    raise CheckpointError(f"{path.name} is a pickle without a network in it; expected {READS}")


def _describe(head: bytes) -> str:
    if not head:
        return "empty"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the weights (fetch them with `git lfs pull`)"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page, not the weights (download the file itself)"
    if head[8:9] == b"{":
        return f"a safetensors file without its {folder.CONFIG} (give the folder that holds both)"
    return "of no known checkpoint format"
