"""Our own model folder: `config.json` with the class's arguments and safetensors with its weights."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from orojar_adapters.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, brief
from orojar_adapters.source_facts import SourceFacts

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
DISCRIMINATOR = "discriminator"
PROVENANCE, METRICS = "training_config.json", "metrics.json"
FILES = frozenset({CONFIG, WEIGHTS})
LARGEST_JSON = 10 * 2**20


def matches(folder: Path) -> bool:
    """Whether a folder is a model folder, whole or not."""
    return all((folder / name).is_file() for name in FILES)


def read(folder: Path, class_names: dict[str, str], source: str) -> Checkpoint:
    """The networks of a model folder.

    Args:
        class_names: family by class name, as `config.json` states it.

    Raises:
        CheckpointError: JSON or weights that are damaged, or a class that is no family.
    """
    config = read_json(folder / CONFIG)
    class_name = config.get("_class_name")
    if not isinstance(class_name, str) or class_name not in class_names:
        raise CheckpointError(f"{folder / CONFIG} names the class {brief(class_name)}, expected one of {sorted(class_names)}")
    discriminator, problem = read_discriminator(folder)
    base = read_base(folder)
    facts = SourceFacts(
        source=source,
        file=WEIGHTS,
        origin="orojar-finetune",
        license=str(base["license"]) if base.get("license") else None,
        holds=("generator", "discriminator") if matches(folder / DISCRIMINATOR) else ("generator",),
        has_discriminator=discriminator is not None,
        base=base or None,
    )
    return Checkpoint(class_names[class_name], _weights(folder, config), discriminator, facts, problem)


def read_discriminator(folder: Path) -> tuple[Weights | None, str | None]:
    """The discriminator in a model folder, or else why it cannot be read; two times None where there is none."""
    critic = folder / DISCRIMINATOR
    return attempt(lambda: _weights(critic, read_json(critic / CONFIG))) if matches(critic) else (None, None)


def read_base(folder: Path) -> dict[str, Any]:
    """What a model folder says of the weights it was made from, empty where it says nothing.

    Raises:
        CheckpointError: JSON that is damaged.
    """
    base = read_json(folder / PROVENANCE).get("base") if (folder / PROVENANCE).is_file() else None
    return base if isinstance(base, dict) else {}


def _weights(folder: Path, config: dict[str, Any]) -> Weights:
    state = read_tensors(folder / WEIGHTS)
    return Weights({name: value for name, value in config.items() if not name.startswith("_")}, state)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        CheckpointError: damaged.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as e:
        raise CheckpointError(f"{path} is damaged or cut short ({e})") from e


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: too large, damaged, or no object.
    """
    if path.stat().st_size > LARGEST_JSON:
        raise CheckpointError(f"{path} is larger than {LARGEST_JSON >> 20} MB, no configuration is")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as e:
        raise CheckpointError(f"{path} is not valid JSON ({e})") from e
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} must hold a JSON object, it holds a {type(value).__name__}")
    return value
