"""StyleGAN2 files of rosinality's stylegan2-pytorch: `g_ema` with `latent_avg`, or a whole training state.

The mapping network's learning-rate multiplier is 0.01 in that code, always; sizes are only in the shapes.
"""

from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.stylegan2_sizes import MOST_BLOCKS, resolutions
from orojar_adapters.ops.linear import EqualizedLinear
from orojar_adapters.ops.mapping import Mapping
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, count_of, size_of
from orojar_adapters.readers.nvlabs_stylegan2 import check_filter
from orojar_adapters.readers.tensors import TensorReader, called
from orojar_adapters.readers.unpickle import Pickle

LR_MULTIPLIER = 0.01
MOST_WEIGHTS = 2**22
"""Of a mapping whose mean w is computed here, which takes time; that code's are 8 layers deep and 512 wide: half as many."""
AVERAGE_BATCHES, AVERAGE_BATCH = 10, 1000


def matches(value: Any) -> bool:
    """Whether a torch file's value is one of rosinality's StyleGAN2 files."""
    return _generator_records(value) is not None


def read(pickle: Pickle, reader: TensorReader, source: str, file: str) -> Checkpoint:
    """The averaged generator (else the plain one) and the discriminator.

    Raises:
        CheckpointError: tensors missing or of another architecture.
    """
    value = pickle.value
    records = _generator_records(value)
    if records is None:
        raise CheckpointError("expected rosinality's StyleGAN2: a dictionary with g_ema, g or the state dict itself")
    state = _tensors(records, reader)
    average = reader.tensor(value["latent_avg"]) if called(value.get("latent_avg")) else None
    critic = value.get("d")
    discriminator, problem = (None, None)
    if isinstance(critic, dict):
        discriminator, problem = attempt(lambda: _discriminator(_tensors(critic, reader)))
    facts = SourceFacts(
        source=source,
        file=file,
        origin="rosinality",
        holds=tuple(key for key in ("g", "d", "g_ema", "latent_avg") if key in value) or ("g",),
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle.globals)),
    )
    return Checkpoint("stylegan2", _generator(state, average), discriminator, facts, problem)


def _generator_records(value: Any) -> dict | None:
    if not isinstance(value, dict):
        return None
    for records in (value.get("g_ema"), value.get("g"), value):
        if isinstance(records, dict) and any(str(name).endswith("conv1.conv.modulation.weight") for name in records):
            return records
    return None


def _tensors(records: dict, reader: TensorReader) -> dict[str, Tensor]:
    """The tensors of a state dict, without the prefix of DataParallel."""
    return {
        str(name).removeprefix("module."): reader.tensor(record)
        for name, record in records.items()
        if called(record) is not None
    }


def _generator(old: dict[str, Tensor], average: Tensor | None) -> Weights:
    for name in [name for name in old if name.endswith(".kernel")]:
        check_filter(old.pop(name))
    blocks = count_of(old, "to_rgbs.{}.bias") + 1
    depth = count_of(old, "style.{}.weight", start=1)
    sizes = _sizes(blocks)
    new = {f"mapping.fc{i}.{part}": _take(old, f"style.{i + 1}.{part}") for i in range(depth) for part in ("weight", "bias")}
    latent_size = size_of(new, "mapping.fc0.weight", 1)
    w_size = size_of(old, "conv1.conv.modulation.weight", 1)
    new["synthesis.b4.const"] = _first(old, "input.input")
    for i, size in enumerate(sizes):
        block = f"synthesis.b{size}"
        if i:
            _layer(old, f"convs.{2 * i - 2}", 2 * i - 1, f"{block}.conv0", size, new)
        _layer(old, f"convs.{2 * i - 1}" if i else "conv1", 2 * i, f"{block}.conv1", size, new)
        rgb = f"to_rgbs.{i - 1}" if i else "to_rgb1"
        _modulation(old, rgb, f"{block}.torgb", new)
        new[f"{block}.torgb.bias"] = _first(old, f"{rgb}.bias").flatten()
    width = size_of(new, "mapping.fc0.weight", 0)
    new["mapping.w_avg"] = average.flatten() if average is not None else mean_w(new, latent_size, w_size, depth, width)
    _nothing_left(old, "generator")
    config = {
        "resolution": sizes[-1],
        "channels": [size_of(new, f"synthesis.b{size}.conv1.weight", 0) for size in sizes],
        "latent_size": latent_size,
        "w_size": w_size,
        "image_channels": size_of(new, "synthesis.b4.torgb.weight", 0),
        "mapping_depth": depth,
        "mapping_width": width,
        "mapping_lr_multiplier": LR_MULTIPLIER,
    }
    return Weights(config, new)


def _sizes(blocks: int) -> list[int]:
    if blocks > MOST_BLOCKS:
        raise CheckpointError(f"its images would be 4 pixels doubled {blocks - 1} times in size, no StyleGAN2's are")
    return resolutions(blocks)


def _layer(old: dict, source: str, noise: int, target: str, size: int, new: dict) -> None:
    _modulation(old, source, target, new)
    new[f"{target}.bias"] = _take(old, f"{source}.activate.bias")
    strength = _take(old, f"{source}.noise.weight")
    new[f"{target}.noise_strength"] = strength.reshape([]) if strength.numel() == 1 else strength
    maps = old.pop(f"noises.noise_{noise}", None)
    if maps is None:  # files of 2019 keep no noise maps: fixed ones stand in
        maps = torch.randn(size, size, generator=torch.Generator().manual_seed(noise))
    new[f"{target}.noise_const"] = maps.reshape(size, size) if maps.numel() == size * size else maps


def _modulation(old: dict, source: str, target: str, new: dict) -> None:
    new[f"{target}.weight"] = _first(old, f"{source}.conv.weight")
    for part in ("weight", "bias"):
        new[f"{target}.affine.{part}"] = _take(old, f"{source}.conv.modulation.{part}")


def _nothing_left(old: dict[str, Tensor], what: str) -> None:
    """Refuses tensors that nothing was done with: a network that has them computes something else."""
    if left := sorted(name for name in old if not name.startswith("noises.")):
        shown = ", ".join(left[:5])[:200]
        raise CheckpointError(f"its {what} has tensors that rosinality's StyleGAN2 has not ({shown}): another network's")


def _take(old: dict[str, Tensor], name: str) -> Tensor:
    if name not in old:
        raise CheckpointError(f"expected the tensor {name!r} of rosinality's StyleGAN2, it is missing")
    return old.pop(name)


def _first(old: dict[str, Tensor], name: str) -> Tensor:
    """A tensor kept with a leading dimension of one."""
    tensor = _take(old, name)
    if tensor.ndim < 2 or tensor.shape[0] != 1:
        raise CheckpointError(f"expected {name!r} with a leading dimension of 1, its shape is {tuple(tensor.shape)}")
    return tensor[0]


def mean_w(state: dict[str, Tensor], latent_size: int, w_size: int, depth: int, width: int) -> Tensor:
    """The mean of w over 10,000 latents, for files without `latent_avg` (that code computes it when it generates)."""
    if not 0 < depth * max(latent_size, w_size, width) ** 2 <= MOST_WEIGHTS:
        raise CheckpointError(f"a mapping of {depth} layers, {width} wide, is not StyleGAN2's")
    mapping = Mapping(latent_size, 0, w_size, depth, width, LR_MULTIPLIER)
    with torch.no_grad():
        for i in range(depth):
            layer = getattr(mapping, f"fc{i}")
            assert isinstance(layer, EqualizedLinear)
            for part in ("weight", "bias"):
                target, tensor = getattr(layer, part), state[f"mapping.fc{i}.{part}"]
                if target.shape != tensor.shape:
                    raise CheckpointError(f"mapping layer {i} has the shape {tuple(tensor.shape)}, not {tuple(target.shape)}")
                target.copy_(tensor)
        rng = torch.Generator().manual_seed(0)
        batches = (torch.randn(AVERAGE_BATCH, latent_size, generator=rng) for _ in range(AVERAGE_BATCHES))
        return torch.stack([mapping(z, None).mean(dim=0) for z in batches]).mean(dim=0)


def _discriminator(old: dict[str, Tensor]) -> Weights:
    for name in [name for name in old if name.endswith(".kernel")]:
        check_filter(old.pop(name))
    blocks = count_of(old, "convs.{}.conv1.0.weight", start=1)
    sizes = _sizes(blocks + 1)
    starts = {"convs.0.0.weight": "fromrgb.weight", "convs.0.1.bias": "fromrgb.bias"}
    tails = {"conv1.0.weight": "conv0.weight", "conv1.1.bias": "conv0.bias"}
    tails |= {"conv2.1.weight": "conv1.weight", "conv2.2.bias": "conv1.bias", "skip.1.weight": "skip.weight"}
    new = {f"b{sizes[-1]}.{name}": _take(old, source) for source, name in starts.items()}
    for i in range(blocks):
        for tail, name in tails.items():
            new[f"b{sizes[-1 - i]}.{name}"] = _take(old, f"convs.{i + 1}.{tail}")
    ends = {"final_conv.0.weight": "conv.weight", "final_conv.1.bias": "conv.bias"}
    for i, name in enumerate(["fc", "out"]):
        ends |= {f"final_linear.{i}.{part}": f"{name}.{part}" for part in ("weight", "bias")}
    new |= {f"b4.{name}": _take(old, source) for source, name in ends.items()}
    _nothing_left(old, "discriminator")
    config = {
        "resolution": sizes[-1],
        "channels": [
            size_of(new, "b4.fc.weight", 0),
            *(size_of(new, f"b{size}.conv0.weight", 0) for size in sizes[1:]),
        ],
        "image_channels": size_of(new, f"b{sizes[-1]}.fromrgb.weight", 1),
    }
    return Weights(config, new)
