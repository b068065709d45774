"""Makes the bundled generator out of a run of `orojar train`: half precision, its discriminator and its recipe beside it.

python benchmarks/bundle.py RUN/model
"""

import json
import shutil
import sys
from pathlib import Path

import torch

from orojar_adapters import load_discriminator, load_generator
from orojar_adapters.readers.folder import METRICS
from orojar_finetune.scenes import BUNDLED

RECIPE = "training_config.json"


def main() -> None:
    """Writes the folder anew."""
    source = Path(sys.argv[1])
    shutil.rmtree(BUNDLED, ignore_errors=True)
    load_generator(source).to(torch.float16).save_pretrained(BUNDLED)
    load_discriminator(source).to(torch.float16).save_pretrained(BUNDLED / "discriminator")
    shutil.copy(source / METRICS, BUNDLED / METRICS)
    recipe = json.loads((source / RECIPE).read_text(encoding="utf-8"))
    recipe["base"] = {"source": "the scenes generator of orojar-finetune", "origin": "orojar train", "license": "apache-2.0"}
    (BUNDLED / RECIPE).write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    for path in BUNDLED.rglob("*.safetensors"):
        path.chmod(0o644)  # the library writes them for the owner alone
        print(f"{path.stat().st_size / 1e6:.2f} MB  {path}")


if __name__ == "__main__":
    main()
