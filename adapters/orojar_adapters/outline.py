"""What the Hub says of a checkpoint before its weights are fetched: their shapes, and the verdict of its scan."""

import io
import json
import logging
import shutil
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, HfFileSystem, RepoFile, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import HTTPError, NotASafetensorsRepoError, SafetensorsParsingError

from orojar_adapters.errors import CheckpointError
from orojar_adapters.loading import UNFORESEEN
from orojar_adapters.outline_zip import BLOCK, outline_zip
from orojar_adapters.readers import adapter, folder
from orojar_adapters.readers.torch_file import DAMAGED
from orojar_adapters.sources import FOLDER_FILES, Located, Remote, license_beside, on_hub, stated_license

log = logging.getLogger("orojar")

SMALL = [pattern for pattern in FOLDER_FILES if not pattern.endswith((".safetensors", "/*", ".*"))]
SMALL += [f"{folder.DISCRIMINATOR}/{folder.CONFIG}"]
CRITIC = f"{folder.DISCRIMINATOR}/{folder.WEIGHTS}"
UNREACHED = (HTTPError, OSError, NotASafetensorsRepoError, SafetensorsParsingError)


class TooLargeError(CheckpointError):
    """A file beside the weights that nobody should fetch."""


def outline(found: Remote, target: Path) -> Located | None:
    """A model folder or zipped torch file of the Hub without the values of its weights: names, types and shapes are right.

    Only a safetensors header is fetched of each file of a folder, and a file of holes is written that begins with it; of a
    zip, what `outline_zip` keeps.

    Args:
        target: an empty folder to write to.

    Returns:
        None where this cannot be had: another file, one that was downloaded before, or a folder that is an adapter.

    Raises:
        TooLargeError: a description that is larger than any.
    """
    try:
        located = _folder(found, target) if found.file is None else _file(found, found.file, target)
    except TooLargeError:
        raise
    except (*UNREACHED, *DAMAGED, *UNFORESEEN) as e:
        log.debug("no outline of %s: %s: %s", found.repo, type(e).__name__, e)
        return None
    return located


def _folder(found: Remote, target: Path) -> Located | None:
    repo = found.repo
    info = HfApi().model_info(repo, revision=found.info.sha, files_metadata=True)
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    if not sizes.keys() >= folder.FILES or sizes.keys() >= adapter.FILES:
        return None
    if large := [name for name in SMALL if sizes.get(name, 0) > folder.LARGEST_JSON]:
        raise TooLargeError(f"{large[0]} of {repo} is larger than {folder.LARGEST_JSON >> 20} MB, no configuration is")
    snapshot = Path(snapshot_download(repo, revision=info.sha, allow_patterns=SMALL))
    for name in SMALL:
        if (snapshot / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(snapshot / name, target / name)
    wanted = [name for name in (folder.WEIGHTS, CRITIC) if name in sizes and (target / name).parent.is_dir()]
    if not all(_write_holes(repo, name, info.sha, sizes[name], target) for name in wanted):
        return None
    return Located(target, info.sha, stated_license(info))


def _file(found: Remote, name: str, target: Path) -> Located | None:
    if isinstance(try_to_load_from_cache(found.repo, name, revision=found.info.sha), str):
        return None  # the whole file lies here already
    path, hub = target / Path(name).name, HfFileSystem(skip_instance_cache=True)
    remote = hub.open(f"{found.repo}/{name}", revision=found.info.sha, cache_type="none")
    with io.BufferedReader(remote, BLOCK) as file:  # reads no more than a block too much
        written = outline_zip(file, remote.size, path)
    return Located(path, found.info.sha, license_beside(found)) if written else None


def _write_holes(repo: str, name: str, revision: str | None, size: int, target: Path) -> bool:
    """A safetensors file that has its header and its size; False for one that is not as the Hub says."""
    header = HfApi().parse_safetensors_file_metadata(repo, name, revision=revision)
    tensors = {
        key: {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": list(tensor.data_offsets)}
        for key, tensor in header.tensors.items()
    }
    head = json.dumps(tensors).encode()
    end = max((tensor.data_offsets[1] for tensor in header.tensors.values()), default=0)
    if len(head) > folder.LARGEST_HEADER or not 0 <= end <= size:
        return False
    with (target / name).open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + end)
    return True


def hub_scan(source: str, file: str, revision: str | None = None) -> dict[str, Any] | None:
    """What the Hub's own scan says of a file, as it says it; None where nothing is said or it cannot be asked.

    A scan proves nothing: it passes files that carry a payload in their embedded source.

    Args:
        source: as for `load_generator`.
        file: the file that was chosen, named inside the repository or by its last part.
    """
    found = on_hub(source, revision)
    if found is None:
        return None
    repo, named, revision = found
    try:
        wanted = [named] if named else [n for n in HfApi().list_repo_files(repo, revision=revision) if Path(n).name == file]
        for entry in HfApi().get_paths_info(repo, wanted, expand=True, revision=revision):
            if isinstance(entry, RepoFile) and entry.security is not None:
                imports = (entry.security.pickle_import_scan or {}).get("pickleImports")
                return {"file": entry.path, "status": entry.security.status, "pickle_imports": imports}
    except (*UNREACHED, KeyError, TypeError) as e:
        log.debug("no scan of %s: %s", source, e)
    return None
