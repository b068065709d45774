"""Threads that work ahead of the one that trains."""

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

Job = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]

PATIENCE = 1.0
"""Seconds that an ending process waits for the jobs in hand."""


class Workers:
    """Threads that do jobs in the order they come; without any, a job is done on the spot.

    They end when this object is no longer used or the process ends, and what is still queued is left undone:
    `concurrent.futures` would have the process wait for all of it.

    Args:
        count: how many threads, 0 for none.
    """

    def __init__(self, count: int) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        threads = [threading.Thread(target=_work, args=(self._jobs,), name="images", daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        self._idle = not threads
        weakref.finalize(self, _end, self._jobs, threads)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The result to come; an exception is raised again where the result is asked for.

        A job must not hold this object, or the threads would never end.
        """
        job: Job = (Future(), function, arguments)
        if self._idle:
            _do(job)
        else:
            self._jobs.put(job)
        return job[0]


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        _do(job)
        del job  # a thread that waits keeps nothing alive


def _do(job: Job) -> None:
    future, function, arguments = job
    try:
        future.set_result(function(*arguments))
    except Exception as e:
        future.set_exception(e)


def _end(jobs: SimpleQueue[Job | None], threads: Sequence[threading.Thread]) -> None:
    try:
        while True:
            jobs.get_nowait()
    except Empty:
        pass
    for _ in threads:
        jobs.put(None)
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
