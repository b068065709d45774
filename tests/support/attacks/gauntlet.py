"""Opens every attack in one process that watches itself, and prints the outcome of each as a line of JSON.

    python -m attacks.gauntlet FOLDER [WORD]

Every attack lies in a folder of its own, which is the current one while it is opened. What is watched: Python's own audit
events, new files, seconds of the processor, and the peak of memory that the kernel counts, with a limit above which nothing
can be had. Good files are opened first: libraries import and compile things of their own when they are first used.
"""

import contextlib
import gc
import io
import json
import os
import re
import resource
import sys
import time
from pathlib import Path

from attacks import CORPUS, Attack, folders
from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_finetune.commands import inspect
from orojar_finetune.verbs import Inspect
from tiny import TINY

FORBIDDEN = (
    "exec",
    "compile",
    "import",
    "pickle.find_class",
    "marshal.",
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "ctypes.",
)
FORBIDDEN += ("pty.", "webbrowser.", "urllib.", "code.", "tempfile.", "glob.", "builtins.breakpoint", "sys.")
READS = ("os.listdir", "os.scandir", "os.walk", "sys._getframe", "sys._current_frames", "os.getxattr")
MEMORY_AT_LEAST = 128 * 2**20
"""What may be held besides twice the size of a file: decoded instructions and JSON take many times their own few bytes."""
MOST_MEMORY = 2 * 2**30
"""Bytes of addresses that the process may take above what it has when the attacks begin."""


class Watch:
    """Counts forbidden events while it is awake."""

    def __init__(self) -> None:
        self.awake = False
        self.events: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple) -> None:
        if not self.awake:
            return
        writes = event == "open" and (set(str(args[1])) & set("wax+") or args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if writes or (event.startswith(FORBIDDEN) and event not in READS):
            self.events.append(f"{event} {str(args)[:200]}")


def memory(kind: str) -> int:
    return int(re.search(kind + r":\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def size_of(whole: Path) -> int:
    return sum(path.lstat().st_size for path in ([whole] if whole.is_file() else whole.rglob("*")) if path.is_file())


def attempt(opened) -> str | None:
    """Nothing where it opened, else the refusal; what else was raised with its type."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            opened()
    except CheckpointError as e:
        return str(e)
    except BaseException as e:
        return f"UNFORESEEN {type(e).__name__}: {e}"
    return None


def run(attack: Attack, folder: Path, watch: Watch) -> dict:
    folder.mkdir()
    os.chdir(folder)
    path = attack.write(folder)
    before = sorted(folder.rglob("*"))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    held, started = memory("VmRSS"), time.process_time()
    watch.awake, watch.events = True, []
    texts = [attempt(lambda: load_generator(path))]
    seconds = time.process_time() - started
    texts.append(attempt(lambda: inspect.run(Inspect(str(path), json=True))))
    if texts[0] is None:
        attempt(lambda: load_discriminator(path))
    watch.awake = False
    return {
        "name": attack.name,
        "texts": texts,
        "seconds": seconds,
        "size": size_of(folder),
        "memory": memory("VmHWM") - held,
        "events": watch.events,
        "files": [str(file) for file in sorted(folder.rglob("*")) if file not in before],
    }


def warm_up(root: Path) -> None:
    harmless = [attack.write for attack in CORPUS if attack.harmless]
    known = [folders.model(lambda _: None, make) for make in TINY.values()]
    for i, write in enumerate([*harmless, *known]):
        folder = root / f"good{i}"
        folder.mkdir()
        os.chdir(folder)
        path = write(folder)
        inspect.run(Inspect(str(path), json=True))


def main(root: Path, word: str = "") -> None:
    watch = Watch()
    with contextlib.redirect_stdout(io.StringIO()):
        warm_up(root)
    gc.freeze()  # what libraries hold is not looked through again after every attack
    limit = memory("VmSize") + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for i, attack in enumerate(CORPUS):
        if word in attack.name:
            print(json.dumps(run(attack, root / str(i), watch)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
