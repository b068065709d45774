"""Reads and writes folders with a low-rank adapter in peft's layout: `adapter_config.json` and its tensors."""

import json
import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.networks.lora import Adapter
from orojar_adapters.readers.checkpoint import brief
from orojar_adapters.readers.folder import read_json, read_tensors

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FILES = frozenset({CONFIG, WEIGHTS})
KEY = "base_model.model.{}.lora_{}.weight"
KEYS = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight", re.DOTALL)
LONGEST = 1024
"""Characters in the name of a base."""
USED = {"peft_type", "base_model_name_or_path", "revision", "r", "lora_alpha", "bias", "init_lora_weights"}
WITHOUT_EFFECT = {"task_type", "auto_mapping", "peft_version", "inference_mode", "target_modules", "exclude_modules"}
WITHOUT_EFFECT |= {"lora_dropout", "layers_to_transform", "layers_pattern", "megatron_core", "qalora_group_size"}
"""Settings that only matter while an adapter is trained, or that repeat what the names of the tensors tell."""
PLAIN_INITS = (None, True, False, "gaussian", "orthogonal")
"""Initializations of A and B that leave the base as it is; others, such as PiSSA, change it."""


def matches(folder: Path) -> bool:
    """Whether a folder holds an adapter."""
    return all((folder / name).is_file() for name in FILES)


def read(folder: Path) -> Adapter:
    """Returns the adapter in a folder; its layers are compared with the base's when it is folded into them.

    Raises:
        CheckpointError: damaged files, values out of range, or a kind of adapter that cannot be folded.
    """
    path = folder / CONFIG
    config = read_json(path)
    if config.get("peft_type") != "LORA":
        raise CheckpointError(f"{path} describes an adapter of the kind {brief(config.get('peft_type'))}, expected LORA")
    if special := _special(config):
        named = ", ".join(key[:80] for key in special[:3])
        raise CheckpointError(f"{path} uses {named}, expected plain LoRA: A and B of one rank beside an unchanged base")
    base, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(base, str) or not 0 < len(base) <= LONGEST:
        raise CheckpointError(f"{path} must name its base as base_model_name_or_path, it names {brief(base)}")
    if revision is not None and (not isinstance(revision, str) or not 0 < len(revision) <= LONGEST):
        raise CheckpointError(f"{path} must give the base's revision as text or null, it gives {brief(revision)}")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or not isinstance(alpha, (int, float)) or isinstance(rank, bool) or isinstance(alpha, bool):
        raise CheckpointError(f"{path} must state the numbers r and lora_alpha, it states {brief(rank)} and {brief(alpha)}")
    try:
        return Adapter(base, revision, rank, float(alpha), _factors(folder / WEIGHTS))
    except (ValueError, OverflowError) as e:
        raise CheckpointError(f"{folder} holds an adapter that cannot be used: {e}") from e


def _special(config: dict[str, Any]) -> list[str]:
    found = sorted(key for key, value in config.items() if value and key not in USED | WITHOUT_EFFECT)
    if config.get("bias", "none") != "none":
        found.append("bias")
    if config.get("init_lora_weights") not in PLAIN_INITS:
        found.append("init_lora_weights")
    return found


def _factors(path: Path) -> dict[str, tuple[Tensor, Tensor]]:
    sides: dict[str, dict[str, Tensor]] = {"A": {}, "B": {}}
    for key, tensor in read_tensors(path).items():
        found = KEYS.fullmatch(key)
        if found is None:
            raise CheckpointError(f"its tensor {key[:80]!r} is not plain LoRA's, expected {KEY.format('LAYER', 'A')} and B")
        sides[found[2]][found[1]] = tensor
    alone = sorted(sides["A"].keys() ^ sides["B"].keys())
    if alone:
        raise CheckpointError(f"{alone[0][:80]!r} has only one of A and B")
    return {name: (down, sides["B"][name]) for name, down in sides["A"].items()}


def write(adapter: Adapter, folder: Path) -> None:
    """Writes an adapter into a folder, for us and for peft.

    Raises:
        ValueError: the adapter names no base.
    """
    if adapter.base is None:
        raise ValueError("an adapter of a generator made in memory has no base to name: save the whole generator")
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": adapter.base,
        "revision": adapter.revision,
        "r": adapter.rank,
        "lora_alpha": int(adapter.alpha) if adapter.alpha == int(adapter.alpha) else adapter.alpha,
        "target_modules": sorted(adapter.factors),
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
        "task_type": None,
    }
    tensors: dict[str, Tensor] = {}
    for name, (down, up) in adapter.factors.items():
        tensors |= {KEY.format(name, "A"): down.contiguous(), KEY.format(name, "B"): up.contiguous()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
