"""Opens damaged checkpoints of every format: each must be refused in one sentence, or be a generator of finite weights.

    python -m fuzz --files 100000 --seed 0

Every file follows from the seed and its number; what is wrong is printed with both, so that it can be made again:
`python -m fuzz --seed SEED --first NUMBER --files 1`.
"""

import argparse
import json
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import torch

from attacks.gauntlet import MEMORY_AT_LEAST, MOST_MEMORY, memory, size_of
from foreign_biggan import ajbrock_biggan, hugging_face_biggan_deep, hugging_face_config, save_biggan_deep
from foreign_dcgan import tutorial
from foreign_files import persistent, rosinality_generator, rosinality_training_state, save_pickle
from foreign_genforce import genforce_discriminator, genforce_pggan, genforce_stylegan, genforce_stylegan2
from foreign_stylegan3 import nvlabs_stylegan3
from foreign_tf import tf_discriminator, tf_generator
from mutate import altered, mutated
from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.readers import adapter as adapters
from tiny import (
    TINY,
    tiny_adapter,
    tiny_biggan_deep,
    tiny_discriminator,
    tiny_pggan,
    tiny_stylegan,
    tiny_stylegan2,
    tiny_stylegan3,
)

MOST_SECONDS = 5


def _snapshot(protocol: int) -> Callable[[Path], Path]:
    value = {"G_ema": tiny_stylegan2(num_classes=3), "D": tiny_discriminator(num_classes=3)}
    return lambda folder: save_pickle({name: persistent(it) for name, it in value.items()}, folder / "network.pkl", protocol)


def _tensorflow(folder: Path) -> Path:
    value = (None, tf_discriminator(tiny_discriminator()), tf_generator(tiny_stylegan2()))
    return save_pickle(value, folder / "network.pkl", 2)


def _saved(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(VALUES[name](), folder / "model.pt", _use_new_zipfile_serialization="legacy" not in name)
        return folder / "model.pt"

    return write


def _folder(make: Callable) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        make().save_pretrained(folder / "model")
        return folder / "model"

    return write


def _adapter(folder: Path) -> Path:
    tiny_stylegan2().save_pretrained(folder / "base")
    (folder / "lora").mkdir()
    adapters.write(tiny_adapter(tiny_stylegan2(), str(folder / "base")), folder / "lora")
    return folder / "lora"


def _biggan_deep(folder: Path) -> Path:
    generator = tiny_biggan_deep()
    return save_biggan_deep(folder / "deep", hugging_face_config(generator), hugging_face_biggan_deep(generator))


def _genforce() -> dict:
    return {
        "generator_smooth": genforce_stylegan2(tiny_stylegan2()),
        "discriminator": genforce_discriminator(tiny_discriminator()),
    }


VALUES: dict[str, Callable[[], dict]] = {
    "rosinality": lambda: {"g_ema": rosinality_generator(tiny_stylegan2())},
    "rosinality, legacy": lambda: rosinality_training_state(tiny_stylegan2(), tiny_discriminator()),
    "genforce StyleGAN2": _genforce,
    "genforce StyleGAN, legacy": lambda: genforce_stylegan(tiny_stylegan(num_classes=3)),
    "genforce PGGAN": lambda: genforce_pggan(tiny_pggan()),
    "a stack of layers": lambda: tutorial().state_dict(),
    "ajbrock": lambda: ajbrock_biggan(TINY["biggan"]()),
}
"""What torch files hold."""
GOOD: dict[str, Callable[[Path], Path]] = {
    "nvlabs, protocol 4": _snapshot(4),
    "nvlabs, protocol 3": _snapshot(3),
    "nvlabs, StyleGAN3": lambda folder: save_pickle({"G_ema": nvlabs_stylegan3(tiny_stylegan3())}, folder / "network.pkl"),
    "nvlabs of TensorFlow": _tensorflow,
    "pytorch-pretrained-biggan": _biggan_deep,
    "adapter": _adapter,
    **{name: _saved(name) for name in VALUES},
    **{f"model folder, {family}": _folder(make) for family, make in TINY.items()},
}
"""A good checkpoint of every format."""


class HangError(BaseException):
    """Raised by a timer."""


def _ring(*_: object) -> None:
    raise HangError


def outcome(path: Path) -> str:
    """Returns the outcome of a file: `loaded`, `refused`, or what is wrong."""
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        generator = load_generator(path)
        wrong = [name for name, tensor in generator.state_dict().items() if not torch.isfinite(tensor).all()]
        try:
            load_discriminator(path)
        except CheckpointError:
            return f"WRONG: not finite: {wrong}" if wrong else "loaded"
        return f"WRONG: not finite: {wrong}" if wrong else "loaded"
    except CheckpointError as e:
        text = str(e)
        good = text.isprintable() and len(text) < 500 and "unforeseen" not in text
        return "refused" if good else f"WRONG: {text!r}"
    except BaseException as e:
        return f"WRONG: {type(e).__name__}: {e}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def damaged(good: Path, others: list[Path], target: Path, rng: Random) -> Path:
    """A copy of a checkpoint with one of its files changed."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    other = rng.choice(others).read_bytes()
    if good.is_file():
        (target / good.name).write_bytes(mutated(good.read_bytes(), other, rng))
        return target / good.name
    files = sorted(file for file in good.iterdir() if file.is_file())
    changed = rng.choice(files)
    for file in files:
        data = file.read_bytes()
        (target / file.name).write_bytes(mutated(data, other, rng) if file == changed else data)
    return target


def main(root: Path, files: int, seed: int, first: int) -> int:
    """Prints how many files had which outcome; the exit status is 1 where something is wrong."""
    goods = {}
    for i, (name, write) in enumerate(GOOD.items()):
        (root / str(i)).mkdir()
        goods[name] = write(root / str(i))
        assert outcome(goods[name]) == "loaded", (name, outcome(goods[name]))
    others = sorted(path for path in root.rglob("*") if path.is_file())
    signal.signal(signal.SIGVTALRM, _ring)
    limit = memory("VmSize") + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    values, counts = {name: value() for name, value in VALUES.items()}, Counter()
    start, started, longest, most = memory("RssAnon"), time.process_time(), 0.0, 0
    for number in range(first, first + files):
        rng = Random(f"{seed} {number}")
        name = list(goods)[number % len(goods)]
        if name in values and rng.random() < 0.5:
            path = root / "altered.pt"
            torch.save(altered(values[name], rng), path, _use_new_zipfile_serialization=rng.random() < 0.5)
        else:
            path = damaged(goods[name], others, root / "damaged", rng)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        held, before = memory("VmRSS"), time.process_time()
        found = outcome(path)
        longest = max(longest, time.process_time() - before)
        taken = memory("VmHWM") - held
        most = max(most, taken)
        if taken > 2 * size_of(path) + MEMORY_AT_LEAST:
            found = f"WRONG: {taken} bytes of memory: {found}"
        counts[found.split(":")[0]] += 1
        if found.startswith("WRONG"):
            print(f"seed {seed}, file {number}, {name}: {found[:500]}", flush=True)
    seconds = time.process_time() - started
    found = {"counts": counts, "seconds": round(seconds, 1), "longest": round(longest, 2), "memory": most}
    print(json.dumps({**found, "growth": memory("RssAnon") - start}))
    return int(counts["WRONG"] > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(Path(folder), options.files, options.seed, options.first))
