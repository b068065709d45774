import subprocess
import sys
import threading
import time

import pytest

from orojar_finetune.images.workers import Workers


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_and_exceptions_come_to_who_asked(count):
    workers = Workers(count)
    futures = [workers.submit(divmod, 7, number) for number in range(4)]
    with pytest.raises(ZeroDivisionError):
        futures[0].result()
    assert [future.result() for future in futures[1:]] == [(7, 0), (3, 1), (2, 1)]


def test_without_threads_a_job_is_done_on_the_spot():
    before = threading.active_count()
    assert Workers(0).submit(threading.current_thread).result() is threading.main_thread()
    assert threading.active_count() == before


def test_threads_end_with_their_owner_and_leave_the_queue_undone():
    before = set(threading.enumerate())
    hold, done = threading.Event(), []
    workers = Workers(2)
    threads = set(threading.enumerate()) - before
    assert len(threads) == 2
    for _ in range(2):
        workers.submit(hold.wait, 5)
    for number in range(100):
        workers.submit(done.append, number)
    threading.Timer(0.05, hold.set).start()
    del workers
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert done == []


def test_a_process_ends_while_threads_work(tmp_path):
    script = (
        "import time\n"
        "from orojar_finetune.training.workers import Workers\n"
        "workers = Workers(2)\n"
        "for _ in range(50):\n"
        "    workers.submit(time.sleep, 30)\n"
        "print('done', flush=True)\n"
    )
    before = time.monotonic()
    ended = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    assert time.monotonic() - before < 25
