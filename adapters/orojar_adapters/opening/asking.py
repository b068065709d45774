"""Questions to the Hub: asked again where that may help, and each way to fail has one sentence of its own."""

import errno
import json
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from orojar_adapters.contract.errors import CheckpointError

Answer = TypeVar("Answer")

PATIENCE = 30.0
"""Seconds after which a request that the Hub put off (429) or failed at (5xx) is not repeated any more."""


class UnreachableError(Exception):
    """The Hub does not answer, or not as a Hub: its text is a sentence that says how."""


def ask(question: Callable[[], Answer], repo: str, revision: str | None, name: str | None = None) -> Answer:
    """The answer to a question; what the Hub puts off or fails at is asked again for a while.

    Raises:
        CheckpointError: the Hub refuses; the text says why and what to do.
        UnreachableError: it cannot be reached.
    """
    started, pause = time.monotonic(), 0.5
    while True:
        try:
            return question()
        except Exception as e:
            wait = _wait(e, pause)
            if wait is None or time.monotonic() - started + wait > PATIENCE:
                raise _sentence(e, repo, revision, name) from e
        time.sleep(wait)
        pause *= 2


def _wait(error: Exception, pause: float) -> float | None:
    """Seconds until a question may be asked again; None where that would not help."""
    status, response = _status(error), getattr(_cause(error), "response", None)
    if status is None or (status != 429 and status < 500):
        return None
    asked = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return float(asked) if asked.isdecimal() else pause


def _cause(error: BaseException) -> BaseException:
    """The library hides what the Hub answered behind its own complaint that nothing is cached."""
    hidden = isinstance(error, (LocalEntryNotFoundError, ValueError)) and error.__cause__ is not None
    return _cause(error.__cause__) if hidden and error.__cause__ is not None else error


def _status(error: Exception) -> int | None:
    cause = _cause(error)
    return cause.response.status_code if isinstance(cause, HfHubHTTPError) and cause.response is not None else None


def _sentence(error: Exception, repo: str, revision: str | None, name: str | None) -> Exception:
    """What went wrong in one sentence: a CheckpointError where the Hub refuses, an UnreachableError where it is not there."""
    cause, status, what = _cause(error), _status(error), f"{name} of {repo}" if name else repo
    if isinstance(cause, CheckpointError):
        return cause
    if isinstance(cause, GatedRepoError):
        return CheckpointError(f"{repo} is gated: ask for access at {constants.ENDPOINT}/{repo}, then type `hf auth login`")
    if isinstance(cause, DisabledRepoError):
        return CheckpointError(f"the Hub has disabled access to {repo}")
    if isinstance(cause, RevisionNotFoundError):
        return CheckpointError(f"{repo} has no revision {revision!r}")
    if isinstance(cause, RepositoryNotFoundError):
        return CheckpointError(
            f"{repo!r} is neither a file here nor a model on the Hub; if it is private, type `hf auth login`"
        )
    if isinstance(cause, HFValidationError):
        return CheckpointError(f"{repo!r} cannot be the name of a repository: type user/repo")
    if isinstance(cause, EntryNotFoundError) and status == 404:
        return CheckpointError(f"{repo} has no file {name!r} at revision {revision}")
    if status == 401:
        return CheckpointError(
            f"the Hub does not accept this machine's token (401, for {what}): type `hf auth login` for a new one"
        )
    if status == 403:
        return CheckpointError(f"the Hub forbids access to {what} (403): your token may not read it")
    if status == 429:
        return CheckpointError(f"the Hub asks for a pause (429, too many requests, for {what}): try again later")
    if status is not None and status < 500:
        return CheckpointError(f"the Hub refuses to give {what} ({status})")
    if status is not None:
        return UnreachableError(f"the Hub fails at {what} ({status})")
    if isinstance(cause, OfflineModeIsEnabled):
        return UnreachableError("the Hub is switched off (HF_HUB_OFFLINE)")
    if isinstance(cause, json.JSONDecodeError):
        return UnreachableError("a web page answers in the Hub's place: does this network want you to sign in?")
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return CheckpointError(
            f"the disk is full: no room for {what} in {constants.HF_HUB_CACHE} (HF_HOME names another place)"
        )
    if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EROFS):
        return CheckpointError(f"{constants.HF_HUB_CACHE} cannot be written to (HF_HOME names another place)")
    if isinstance(cause, TimeoutError) or "timed out" in str(cause) or "Timeout" in type(cause).__name__:
        return UnreachableError(f"the Hub did not answer in time for {what}")
    if isinstance(cause, OSError) and "onsistency check failed" in str(cause):
        return UnreachableError(f"the download of {what} was cut short")
    if isinstance(cause, (HTTPError, OSError)):
        return UnreachableError(f"the Hub could not be reached for {what} ({type(cause).__name__})")
    return error
