"""Reads our own model folders: `config.json` with a class's arguments, and safetensors with its weights."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, brief

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
DISCRIMINATOR = "discriminator"
PROVENANCE, METRICS = "training_config.json", "metrics.json"
FILES = frozenset({CONFIG, WEIGHTS})
LARGEST_JSON, DEEPEST_JSON = 4 * 2**20, 64
LARGEST_HEADER = 2**21
"""Bytes of a safetensors header, with room for some 20,000 tensors."""
MOST_SETTINGS = 100
LONGEST_LICENSE = 200


def matches(folder: Path) -> bool:
    """Whether a folder holds a configuration and weights."""
    return all((folder / name).is_file() for name in FILES)


def read(folder: Path, class_names: dict[str, str], source: str) -> Checkpoint:
    """Returns the networks of a model folder.

    Args:
        class_names: family by class name, as `config.json` states it.

    Raises:
        CheckpointError: JSON or weights that are damaged, or a class that is not a family.
    """
    class_name, generator = _weights(folder, class_names)
    discriminator, problem = read_discriminator(folder)
    base = read_base(folder)
    facts = SourceFacts(
        source=source,
        file=WEIGHTS,
        origin="orojar-finetune",
        license=license_in(base),
        holds=("generator", "discriminator") if (folder / DISCRIMINATOR).exists() else ("generator",),
        has_discriminator=discriminator is not None,
        base=base or None,
    )
    return Checkpoint(class_names[class_name], generator, discriminator, facts, problem)


def read_discriminator(folder: Path) -> tuple[Weights | None, str | None]:
    """Returns the discriminator in a model folder, or None and why it cannot be read; None twice where there is none."""
    inner = folder / DISCRIMINATOR
    if not inner.exists():
        return None, None
    if missing := sorted(name for name in FILES if not (inner / name).is_file()):
        return None, f"{inner} lacks {' and '.join(missing)}"
    return attempt(lambda: _weights(inner, {StyleGAN2Discriminator.__name__})[1])


def read_base(folder: Path) -> dict[str, Any]:
    """Returns what a model folder states about the weights that it was made from; empty where it states nothing.

    Raises:
        CheckpointError: JSON that is damaged.
    """
    base = read_json(folder / PROVENANCE).get("base") if (folder / PROVENANCE).is_file() else None
    return base if isinstance(base, dict) else {}


def license_in(base: dict[str, Any]) -> str | None:
    """Returns the license that a folder states for its base; None for anything but text."""
    stated = base.get("license")
    return stated[:LONGEST_LICENSE] if stated and isinstance(stated, str) else None


def _weights(folder: Path, class_names: Collection[str]) -> tuple[str, Weights]:
    """Returns the class that a configuration names, its arguments and its state dict."""
    config = read_json(folder / CONFIG)
    class_name = config.get("_class_name")
    if not isinstance(class_name, str) or class_name not in class_names:
        raise CheckpointError(f"{folder / CONFIG} names the class {brief(class_name)}, expected one of {sorted(class_names)}")
    if len(config) > MOST_SETTINGS:
        raise CheckpointError(f"{folder / CONFIG} has {len(config):,} settings, no generator has so many")
    state = read_tensors(folder / WEIGHTS)
    return class_name, Weights({name: value for name, value in config.items() if not name.startswith("_")}, state)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a safetensors file.

    Raises:
        CheckpointError: damaged.
    """
    with path.open("rb") as file:
        declared = int.from_bytes(file.read(8), "little")
    if LARGEST_HEADER < declared <= path.stat().st_size:
        raise CheckpointError(f"{path} has a header of {declared:,} bytes, more than any generator's")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError) as e:
        raise CheckpointError(f"{path} is damaged or cut short ({str(e)[:200]})") from e


def read_json(path: Path) -> dict[str, Any]:
    """Returns the object in a JSON file.

    Raises:
        CheckpointError: too large, nested too deep, damaged, or not an object.
    """
    if path.stat().st_size > LARGEST_JSON:
        raise CheckpointError(f"{path} is larger than {LARGEST_JSON >> 20} MB, no configuration is")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as e:
        raise CheckpointError(f"{path} is not valid JSON ({str(e)[:200]})") from e
    if _is_deep(value):
        raise CheckpointError(f"{path} is nested more than {DEEPEST_JSON} levels deep, no configuration is")
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} must hold a JSON object, it holds a {type(value).__name__}")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST_JSON):
        level = [item for nest in level if isinstance(nest, (dict, list)) for item in _inside(nest)]
    return bool(level)


def _inside(nest: dict | list) -> list:
    return list(nest.values()) if isinstance(nest, dict) else nest
