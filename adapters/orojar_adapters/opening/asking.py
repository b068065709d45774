"""Requests to the Hub: retried where that may help, with one clear sentence for each kind of failure."""

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
"""Seconds after which a request that was rate-limited (429) or failed (5xx) is no longer retried."""


class UnreachableError(Exception):
    """Raised if the Hub does not answer, or something else answers; the text says which."""


def ask(question: Callable[[], Answer], repo: str, revision: str | None, name: str | None = None) -> Answer:
    """Returns the answer to a request, which is retried for a while if it is rate-limited or fails (5xx).

    Raises:
        CheckpointError: the Hub refuses; the text says why and what to do.
        UnreachableError: the Hub cannot be reached.
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
    """Returns the seconds to wait before a retry, or None if a retry would not help."""
    status, response = _status(error), getattr(_cause(error), "response", None)
    if status is None or (status != 429 and status < 500):
        return None
    asked = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return float(asked) if asked.isdecimal() else pause


def _cause(error: BaseException) -> BaseException:
    """Returns the Hub's own error, which the library hides behind one that says that nothing is cached."""
    hidden = isinstance(error, (LocalEntryNotFoundError, ValueError)) and error.__cause__ is not None
    return _cause(error.__cause__) if hidden and error.__cause__ is not None else error


def _status(error: Exception) -> int | None:
    cause = _cause(error)
    return cause.response.status_code if isinstance(cause, HfHubHTTPError) and cause.response is not None else None


def _sentence(error: Exception, repo: str, revision: str | None, name: str | None) -> Exception:
    """Returns the error to raise: a CheckpointError if the Hub refuses, an UnreachableError if it cannot be reached."""
    cause, status, what = _cause(error), _status(error), f"{name} of {repo}" if name else repo
    if isinstance(cause, CheckpointError):
        return cause
    if isinstance(cause, GatedRepoError):
        return CheckpointError(f"{repo} is gated: request access at {constants.ENDPOINT}/{repo}, then run `hf auth login`")
    if isinstance(cause, DisabledRepoError):
        return CheckpointError(f"the Hub has disabled access to {repo}")
    if isinstance(cause, RevisionNotFoundError):
        return CheckpointError(f"{repo} has no revision {revision!r}: expected a branch, tag, or commit")
    if isinstance(cause, RepositoryNotFoundError):
        return CheckpointError(
            f"{repo!r} is neither a local file nor a model on the Hub; if the repository is private, run `hf auth login`"
        )
    if isinstance(cause, HFValidationError):
        return CheckpointError(f"{repo!r} is not a valid repository name: expected user/repo")
    if isinstance(cause, EntryNotFoundError) and status == 404:
        return CheckpointError(f"{repo} has no file {name!r} at revision {revision}")
    if status == 401:
        return CheckpointError(f"the Hub rejected your token (401 for {what}): run `hf auth login` to replace it")
    if status == 403:
        return CheckpointError(f"the Hub denied access to {what} (403): use a token that can read it (`hf auth login`)")
    if status == 429:
        return CheckpointError(f"the Hub is limiting requests (429 for {what}): try again later")
    if status is not None and status < 500:
        return CheckpointError(f"the Hub refused the request for {what} (HTTP status {status})")
    if status is not None:
        return UnreachableError(f"the Hub failed to answer for {what} (HTTP status {status})")
    if isinstance(cause, OfflineModeIsEnabled):
        return UnreachableError("offline mode is on (HF_HUB_OFFLINE)")
    if isinstance(cause, json.JSONDecodeError):
        return UnreachableError("a web page answered instead of the Hub: does this network require you to sign in?")
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return CheckpointError(
            f"the disk is full: no room for {what} in {constants.HF_HUB_CACHE} (set HF_HOME to use another disk)"
        )
    if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EROFS):
        return CheckpointError(f"{constants.HF_HUB_CACHE} is not writable (set HF_HOME to use another folder)")
    if isinstance(cause, TimeoutError) or "timed out" in str(cause) or "Timeout" in type(cause).__name__:
        return UnreachableError(f"the Hub did not answer in time for {what}")
    if isinstance(cause, OSError) and "onsistency check failed" in str(cause):
        return UnreachableError(f"the download of {what} was cut short")
    if isinstance(cause, (HTTPError, OSError)):
        return UnreachableError(f"could not reach the Hub for {what} ({type(cause).__name__})")
    return error
