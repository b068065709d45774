"""The corpus of attacks: each is refused in one sentence, quickly and in little memory, and nothing of it ever runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from attacks import CORPUS, MARKER, Attack
from attacks.gauntlet import MEMORY_AT_LEAST

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "support"), os.environ.get("PYTHONPATH", "")]),
    "HF_HUB_OFFLINE": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
}
"""glibc keeps freed blocks as it sees fit; with a fixed threshold they go back at once, and a peak is what is held."""
MOST_SECONDS = 5
BY_NAME = {attack.name: attack for attack in CORPUS}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The outcome of every attack, from a process without the checks of types that pytest switches on."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("peaks of memory are read off Linux's /proc")
    command = [sys.executable, "-W", "ignore", "-m", "attacks.gauntlet", tmp_path_factory.mktemp("gauntlet")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_there_are_many_attacks_and_each_has_a_name_of_its_own(outcomes):
    assert len(BY_NAME) == len(CORPUS) >= 350
    assert [outcome["name"] for outcome in outcomes] == [attack.name for attack in CORPUS]


def test_every_attack_is_refused_or_was_known_to_be_harmless(outcomes):
    def wanted(attack: Attack) -> list[bool]:
        return [not attack.harmless and not attack.beside, not attack.harmless]

    refused = {outcome["name"]: [text is not None for text in outcome["texts"]] for outcome in outcomes}
    assert refused == {attack.name: wanted(attack) for attack in CORPUS}


def test_refusals_are_one_sentence_that_was_foreseen(outcomes):
    texts = [text for outcome in outcomes for text in outcome["texts"] if text is not None]
    odd = [text for text in texts if len(text) >= 500 or not text.isprintable() or text.rstrip() != text]
    odd += [text for text in texts if any(word in text for word in ("UNFORESEEN", "unforeseen", "Traceback", "frame #"))]
    assert odd == []


def test_attacks_leave_nothing_behind(outcomes):
    assert {outcome["name"]: outcome["files"] for outcome in outcomes if outcome["files"]} == {}


def test_nothing_is_run_imported_or_written_while_an_attack_is_opened(outcomes):
    assert {outcome["name"]: outcome["events"] for outcome in outcomes if outcome["events"]} == {}


def test_no_attack_takes_long(outcomes):
    assert {outcome["name"]: outcome["seconds"] for outcome in outcomes if outcome["seconds"] > MOST_SECONDS} == {}


def test_no_attack_takes_more_memory_than_twice_its_size(outcomes):
    large = [outcome for outcome in outcomes if outcome["memory"] > 2 * outcome["size"] + MEMORY_AT_LEAST]
    assert {outcome["name"]: (outcome["memory"], outcome["size"]) for outcome in large} == {}


NAIVE = """
import os, pickle, sys, time, warnings
from pathlib import Path
import torch
from attacks import CORPUS, MARKER

warnings.simplefilter("ignore")
for i, attack in enumerate(attack for attack in CORPUS if attack.live):
    folder = Path(sys.argv[1]) / str(i)
    folder.mkdir()
    os.chdir(folder)
    path = attack.write(folder)
    assert not (folder / MARKER).exists()
    try:
        pickle.loads(path.read_bytes()) if path.suffix == ".pkl" else torch.load(path, weights_only=False)
    except BaseException:
        pass
    for _ in range(200):  # some start a process that nobody waits for
        if (folder / MARKER).exists():
            break
        time.sleep(0.01)
"""


def test_the_payloads_run_where_files_are_opened_by_pythons_own_loaders(tmp_path):
    """Without this the corpus might be refused for being no danger."""
    command = [sys.executable, "-c", NAIVE, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-2000:]
    live = [attack.name for attack in CORPUS if attack.live]
    assert len(live) >= 50
    assert [name for i, name in enumerate(live) if not (tmp_path / str(i) / MARKER).exists()] == []


def test_no_option_opens_the_unsafe_way():
    places = [path for room in ("adapters", "orojar_finetune", "apps") for path in (ROOT / room).rglob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in places
        for word in (
            "weights_only=False",
            "pickle.load",
            "import pickle\n",
            "torch.load(",
            "torch.jit.load(",
            "trust_remote_code",
        )
        if word in path.read_text(encoding="utf-8").replace("`torch.load(", "").replace("wrap(torch.jit.load(", "")
    ]
    assert found == []
