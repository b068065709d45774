"""What the Hub says of a checkpoint before its weights are fetched: their shapes, and the verdict of its scan."""

import json
import logging
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, RepoFile, snapshot_download
from huggingface_hub.errors import HTTPError, NotASafetensorsRepoError, SafetensorsParsingError

from orojar_adapters.readers import adapter, folder
from orojar_adapters.sources import FOLDER_FILES, Located, on_hub, stated_license

log = logging.getLogger("orojar")

SMALL = [pattern for pattern in FOLDER_FILES if not pattern.endswith((".safetensors", "/*", ".*"))]
SMALL += [f"{folder.DISCRIMINATOR}/{folder.CONFIG}"]
CRITIC = f"{folder.DISCRIMINATOR}/{folder.WEIGHTS}"
UNREACHED = (HTTPError, OSError, NotASafetensorsRepoError, SafetensorsParsingError)


def outline(source: str, target: Path, revision: str | None = None) -> Located | None:
    """A model folder of the Hub without the values of its weights: their names, types and shapes are right, all are zero.

    Only a safetensors header is fetched of each file, and a file of holes is written that begins with it.

    Args:
        target: an empty folder to write to.

    Returns:
        None where this cannot be had: no model folder of the Hub, or one that is an adapter.
    """
    found = on_hub(source, revision)
    if found is None or found[1] is not None:
        return None
    repo, _, revision = found
    try:
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
        sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
        if not sizes.keys() >= folder.FILES or sizes.keys() >= adapter.FILES:
            return None
        snapshot = Path(snapshot_download(repo, revision=info.sha, allow_patterns=SMALL))
        for name in SMALL:
            if (snapshot / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes((snapshot / name).read_bytes())
        wanted = [name for name in (folder.WEIGHTS, CRITIC) if name in sizes and (target / name).parent.is_dir()]
        if not all(_write_holes(repo, name, info.sha, sizes[name], target) for name in wanted):
            return None
    except UNREACHED as e:
        log.debug("no outline of %s: %s", source, e)
        return None
    return Located(target, info.sha, stated_license(info))


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
