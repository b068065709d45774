"""Pushes a model folder to the Hugging Face Hub; no other file writes there."""

import logging
import os
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, LocalTokenNotFoundError

from orojar_adapters import open_source
from orojar_adapters.opening.source import RUN_MODEL
from orojar_adapters.readers import adapter as adapters
from orojar_adapters.readers import folder as reader
from orojar_adapters.readers.detect import is_model_folder
from orojar_finetune.sharing.card import CARD, MARK

log = logging.getLogger("orojar")

LEFT_OUT = [".*", "**/.*", "checkpoint-*"]
OURS = ["directions.*", "discriminator/*", "previews/direction_*.png", "previews/traversal.gif", "metrics.json", "report.html"]
"""Files of an earlier push that are deleted, because they may not belong to these weights."""
KEPT = "Kept the existing model card, which orojar did not write; to replace it: orojar push FOLDER USER/REPO --overwrite-card"


class Pushed(NamedTuple):
    """Where a push went, and whether an existing card that orojar did not write was kept."""

    repo_id: str
    url: str
    kept_card: bool


def push(
    folder: str | os.PathLike,
    repo_id: str,
    private: bool | None = None,
    message: str = "Upload generator and directions with orojar-finetune",
    overwrite_card: bool = False,
    token: str | None = None,
) -> Pushed:
    """Uploads a model folder and returns where it went; creates the repository if it does not exist.

    Unchanged files are not sent. Files from an earlier push that this folder no longer has are deleted; other files are left
    untouched.

    Args:
        folder: as `discover` or `convert` wrote it.
        repo_id: `user/repo`.
        private: whether a new repository is private; None uses the owner's default. With True, an existing public
            repository is refused.
        message: commit message.
        overwrite_card: whether to replace a card that orojar did not write; its own cards are always replaced.
        token: None uses the token of `hf auth login`.

    Raises:
        CheckpointError: the folder's generator cannot be read back.
        ValueError: not a model folder, an adapter for a repository that holds a whole generator, or the Hub refused; the
            text says what to do.
    """
    path = Path(folder).expanduser()
    if not is_model_folder(path):
        inside = is_model_folder(path / RUN_MODEL)
        hint = f"push {path / RUN_MODEL} instead" if inside else "make one with `orojar convert`"
        raise ValueError(f"{folder} is not a model folder (no config.json with weights): {hint}")
    adapter = open_source(path).checkpoint.adapter
    if adapter is not None and adapter.base_is_a_path:
        log.warning(
            "%s is an adapter for the local file %s, which others do not have; `orojar merge` writes a whole generator",
            folder,
            adapter.base,
        )
    api = HfApi(token=token)
    try:
        repo = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if private and not api.model_info(repo).private:
            raise ValueError(
                f"{repo} already exists and is public: make it private in its settings, or choose another repository"
            )
        keep_card = not overwrite_card and api.file_exists(repo, CARD) and not _is_ours(repo, token)
        if adapter is not None and api.file_exists(repo, reader.WEIGHTS):
            raise ValueError(
                f"{repo} holds a whole generator, which would be loaded instead of the adapter: choose another repository"
            )
        commit = api.upload_folder(
            folder_path=path,
            repo_id=repo,
            commit_message=message,
            ignore_patterns=[*LEFT_OUT, CARD] if keep_card else LEFT_OUT,
            delete_patterns=OURS + (sorted(adapters.FILES) if adapter is None else []),
        )
    except LocalTokenNotFoundError as e:
        raise ValueError("not logged in to the Hub: run `hf auth login`, or set HF_TOKEN") from e
    except HFValidationError as e:
        raise ValueError(f"{repo_id!r} is not a valid repository name: expected user/repo ({e})") from e
    except HfHubHTTPError as e:
        raise ValueError(f"the Hub refused the upload to {repo_id}: {e.server_message or e}") from e
    except (HTTPError, OSError) as e:
        raise ValueError(f"could not reach the Hub to upload to {repo_id} ({type(e).__name__}: {e})") from e
    return Pushed(repo, str(commit.commit_url), keep_card)


def _is_ours(repo: str, token: str | None) -> bool:
    """Returns whether orojar wrote the card of a repository."""
    return MARK in Path(hf_hub_download(repo, CARD, token=token)).read_text(encoding="utf-8", errors="replace")
