"""Where figures go: a JSON beside this file, with all that is needed to make it again."""

import datetime
import json
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from orojar_finetune.runtime.atomic import replacing
from orojar_finetune.sharing.model_folder import versions

RESULTS = Path(__file__).parent / "results"


def write(name: str, seed: int, figures: dict[str, Any]) -> None:
    """Writes figures with command, seed, versions, device and date."""
    RESULTS.mkdir(exist_ok=True)
    record = {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *map(_anywhere, sys.argv[1:])]),
        "seed": seed,
        "versions": versions(),
        "device": device(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **figures,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"\nWrote {path}")


def runs_so_far(name: str, fresh: Iterable[dict[str, Any]], known_by: Sequence[str]) -> list[dict[str, Any]]:
    """The runs in a results file and fresh ones, which replace those that are known by the same values.

    So runs of several machines and days come together.
    """
    path = RESULTS / f"{name}.json"
    earlier = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []
    found = {tuple(run[key] for key in known_by): run for run in [*earlier, *fresh]}
    return list(found.values())


def _anywhere(argument: str) -> str:
    """An argument without the folders of this machine."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def device() -> str:
    """What computed."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} thread"


def once(path: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Figures from a file, which is written where it is missing: what was measured before is not measured again."""
    if not path.is_file():
        found = measure()
        path.parent.mkdir(exist_ok=True, parents=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))
