"""StyleGAN2 pickles of NVlabs' PyTorch code (stylegan2-ada-pytorch, stylegan3 repositories).

Each module is a record of `_reconstruct_persistent_obj` with its class name, the Python source that NVlabs' own loader
executes, and its state. Parameters keep their names; only the FIR filters, which are constants here, are left out.
"""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.errors import CheckpointError
from orojar_adapters.ops.resample import TAPS
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, brief, count_of, size_of
from orojar_adapters.readers.tensors import TensorReader, called, number
from orojar_adapters.readers.unpickle import Pickle
from orojar_adapters.source_facts import SourceFacts
from orojar_adapters.stylegan2_sizes import resolutions

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
LONGEST_NAME = 200
MOST_TENSORS = 10_000
Meta = dict[str, Any]


def matches(pickle: Pickle) -> bool:
    """Whether a pickle is one of NVlabs' PyTorch pickles."""
    return PERSISTENT in pickle.globals


def read(pickle: Pickle, source: str, file: str) -> Checkpoint:
    """The averaged generator of a training snapshot, or the only one there is, and the discriminator.

    Raises:
        CheckpointError: no StyleGAN2 generator inside, or a variant that cannot be computed here.
    """
    networks = _networks(pickle.value)
    generator = networks.get("G_ema") or networks.get("G")
    if generator is None:
        raise CheckpointError(f"expected a generator (G_ema or G) in this pickle, it holds {sorted(networks) or 'none'}")
    critic = networks.get("D")
    discriminator, problem = attempt(lambda: _discriminator(critic)) if critic else (None, None)
    source_code = generator.get("module_src")
    facts = SourceFacts(
        source=source,
        file=file,
        origin="nvlabs-pytorch",
        holds=tuple(networks),
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle.globals)),
        embedded_source_sha256=_sha256(source_code) if isinstance(source_code, str) else None,
    )
    return Checkpoint("stylegan2", _generator(generator), discriminator, facts, problem)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _networks(value: Any) -> dict[str, Meta]:
    """The modules at the top of a pickle; a bare module counts as the generator."""
    items = value.items() if isinstance(value, dict) else [("G", value)]
    metas = {str(name): _meta(item) for name, item in items if called(item) == PERSISTENT}
    return {name: meta for name, meta in metas.items() if name in ("G", "D", "G_ema")}


def _meta(record: Any) -> Meta:
    meta = record.args[0] if record.args else None
    if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
        raise CheckpointError("a module in this pickle has no state")
    return meta


def _modules(meta: Meta) -> Iterator[tuple[str, Meta]]:
    """This module and every one below it, each once, with its dotted name."""
    todo, seen = [("", meta)], set()
    while todo:
        prefix, module = todo.pop()
        if id(module) in seen:
            raise CheckpointError("a module contains itself or another one twice in this pickle, no generator's do")
        seen.add(id(module))
        yield prefix, module
        children = module["state"].get("_modules")
        for name, child in (children if isinstance(children, dict) else {}).items():
            if called(child) == PERSISTENT:
                todo.append((_dotted(prefix, f"{name}."), _meta(child)))


def _dotted(prefix: str, name: str) -> str:
    if len(prefix) + len(name) > LONGEST_NAME:
        raise CheckpointError("the modules in this pickle are nested deeper, or named longer, than any generator's")
    return prefix + name


def _state(meta: Meta) -> dict[str, Tensor]:
    reader, state = TensorReader(), {}
    for prefix, module in _modules(meta):
        for kind in ("_parameters", "_buffers"):
            tensors = module["state"].get(kind)
            for name, record in (tensors if isinstance(tensors, dict) else {}).items():
                if record is not None:
                    state[_dotted(prefix, str(name))] = reader.tensor(record)
            if len(state) > MOST_TENSORS:
                raise CheckpointError(f"a network in this pickle has more than {MOST_TENSORS:,} tensors, no generator has")
    for name in [name for name in state if name.endswith("resample_filter")]:
        check_filter(state.pop(name))
    return state


def check_filter(taps: Tensor) -> None:
    """Refuses resampling filters other than [1, 3, 3, 1], with which nearly all StyleGAN2 were trained.

    Raises:
        CheckpointError: names the filter found.
    """
    wanted = torch.outer(torch.tensor(TAPS), torch.tensor(TAPS))
    found = taps.float() / taps.float().sum()
    if found.shape != wanted.shape or not torch.allclose(found, wanted, atol=1e-5):
        shown = taps.tolist() if taps.numel() <= 16 else f"of the size {tuple(taps.shape)}"
        raise CheckpointError(f"its resampling filter is {shown}, only that of [1, 3, 3, 1] can be computed here")


def _generator(meta: Meta) -> Weights:
    modules = dict(_modules(meta))
    if "synthesis.b4.conv1." not in modules:
        names = sorted({brief(module.get("class_name")) for module in modules.values()})
        kind = "a StyleGAN3 generator" if "'SynthesisInput'" in names else f"one made of {', '.join(names[:8])}"
        raise CheckpointError(f"expected a StyleGAN2 generator, found {kind}")
    state = _state(meta)
    sizes = resolutions(_block_count(state, "synthesis.b{}.conv1.weight"))
    for name, module in modules.items():
        _require(module, name, "architecture", ("skip",))
        _require(module, name, "activation", ("lrelu", "linear"))
        _require(module, name, "use_noise", (True,))
    depth = count_of(state, "mapping.fc{}.weight")
    num_classes = size_of(state, "mapping.embed.weight", 1) if "mapping.embed.weight" in state else 0
    w_size = size_of(state, "synthesis.b4.conv1.affine.weight", 1)
    first = size_of(state, "mapping.fc0.weight", 1)
    return Weights(
        {
            "resolution": sizes[-1],
            "channels": [size_of(state, f"synthesis.b{size}.conv1.weight", 0) for size in sizes],
            "latent_size": first - w_size if num_classes else first,
            "w_size": w_size,
            "num_classes": num_classes,
            "image_channels": size_of(state, "synthesis.b4.torgb.weight", 0),
            "mapping_depth": depth,
            "mapping_width": size_of(state, "mapping.fc0.weight", 0) if depth > 1 else w_size,
            "mapping_lr_multiplier": _lr_multiplier(modules.get("mapping.fc0."), first),
            "conv_clamp": _clamp(modules["synthesis.b4.conv1."]),
        },
        state,
    )


def _discriminator(meta: Meta) -> Weights:
    modules, state = dict(_modules(meta)), _state(meta)
    sizes = [4, *resolutions(_block_count(state, "b{}.conv0.weight", 8) + 1)[1:]]
    for name, module in modules.items():
        _require(module, name, "architecture", ("resnet",))
    num_classes = size_of(state, "mapping.embed.weight", 1) if "mapping.embed.weight" in state else 0
    deviation = modules.get("b4.mbstd.", {"state": {}})["state"]
    group = deviation.get("group_size")
    return Weights(
        {
            "resolution": sizes[-1],
            "channels": [
                size_of(state, "b4.fc.weight", 0),
                *(size_of(state, f"b{size}.conv0.weight", 0) for size in sizes[1:]),
            ],
            "num_classes": num_classes,
            "image_channels": size_of(state, f"b{sizes[-1]}.fromrgb.weight", 1),
            "label_size": size_of(state, "b4.out.weight", 0) if num_classes else 512,
            "mapping_depth": count_of(state, "mapping.fc{}.weight") or 8,
            "group": 4 if group is None else int(number(group)),
            "deviations": int(number(deviation.get("num_channels", 0))),
            "conv_clamp": _clamp(modules["b4.conv."]) if "b4.conv." in modules else None,
        },
        state,
    )


def _block_count(state: dict[str, Tensor], pattern: str, first: int = 4) -> int:
    count = 0
    while pattern.format(first << count) in state:
        count += 1
    return count


def _require(module: Meta, name: str, setting: str, allowed: tuple) -> None:
    value = module["state"].get(setting, allowed[0])
    if value not in allowed:
        raise CheckpointError(f"{name}{setting} is {brief(value)}, only {' or '.join(map(str, allowed))} can be computed here")


def _lr_multiplier(layer: Meta | None, in_size: int) -> float:
    """The learning-rate multiplier, from the gain that the layer keeps: multiplier / sqrt(width)."""
    if layer is None:
        raise CheckpointError("expected a module mapping.fc0 in this pickle's generator")
    gain = number(layer["state"].get("weight_gain", 0.01 / math.sqrt(in_size)))
    return round(gain * math.sqrt(in_size), 9)


def _clamp(layer: Meta) -> float | None:
    clamp = layer["state"].get("conv_clamp")
    return None if clamp is None else float(number(clamp))
