"""The figures that `make demo` prints: seven directions of the bundled generator, then its weights tuned by 200 steps.

python benchmarks/demo.py      five minutes on one thread
"""

import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from orojar_finetune.commands.demo import find_and_finetune
from orojar_finetune.verbs import Demo
from results import write


def main() -> None:
    """Runs the demo where nothing stays of it but the figures."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        options = Demo(Path(folder) / "demo")
        rows, tuned = find_and_finetune(options)
    found = {
        name: {
            **row.directions.scores,
            "disentanglement": row.truth.disentanglement,
            "completeness": row.truth.completeness,
            "seconds": row.seconds,
        }
        for name, row in rows.items()
    }
    write("demo", options.seed, {"rows": found, "start": asdict(tuned.start), "end": asdict(tuned.end)})


if __name__ == "__main__":
    main()
