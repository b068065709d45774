"""StyleGAN2 pickles of NVlabs' TensorFlow code (stylegan2, stylegan2-ada repositories): the networks G, D and Gs.

Against the PyTorch release the kernels lie as height x width x in x out, those of up-convolutions are turned by 180 degrees,
dense weights are transposed, and the biases of the modulation lack the 1 that is added at run time.
"""

from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.networks.stylegan2_sizes import MOST_BLOCKS, resolutions
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, count_of, size_of
from orojar_adapters.readers.tensors import called, number
from orojar_adapters.readers.tf_network import NETWORK, Network
from orojar_adapters.readers.unpickle import Pickle

NAMES = ("G", "D", "Gs")
LR_MULTIPLIER, LABEL_LR_MULTIPLIER = 0.01, 0.1
"""Of the mapping of the generator and of the discriminator, where the settings do not say."""
OUR_LABEL_LR_MULTIPLIER = 0.01


def matches(pickle: Pickle) -> bool:
    """Whether a pickle is one of NVlabs' TensorFlow pickles."""
    return NETWORK in pickle.globals


def read(pickle: Pickle, source: str, file: str) -> Checkpoint:
    """The averaged generator (else the plain one) and the discriminator where it has variables.

    Raises:
        CheckpointError: no StyleGAN2 generator inside, or a variant that cannot be computed here.
    """
    networks = _networks(pickle.value)
    generator = networks.get("Gs") or networks.get("G")
    if generator is None:
        raise CheckpointError(f"expected a generator (Gs or G) in this pickle, it holds {sorted(networks) or 'none'}")
    critic = networks.get("D")
    discriminator, problem = attempt(lambda: _discriminator(critic)) if critic else (None, None)
    facts = SourceFacts(
        source=source,
        file=file,
        origin="nvlabs-tensorflow",
        holds=tuple(networks),
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle.globals)),
        embedded_source_sha256=generator.source_sha256,
    )
    return Checkpoint("stylegan2", _generator(generator), discriminator, facts, problem)


def _networks(value: Any) -> dict[str, Network]:
    """The networks that have weights; one that stands alone counts as the averaged generator."""
    records = dict(zip(NAMES, value, strict=False)) if isinstance(value, (list, tuple)) else {"Gs": value}
    networks = {name: Network(record) for name, record in records.items() if called(record) == NETWORK}
    for network in networks.values():
        network.records.pop("lod", None)  # of progressive growing, which StyleGAN2 does without
    return {name: network for name, network in networks.items() if network.records}


def _generator(old: Network) -> Weights:
    if "synthesis/4x4/Const/StyleMod/weight" in old.records:
        raise CheckpointError("it is a StyleGAN of 2019, which is read in genforce's format (.pth) only")
    if "mapping/LabelConcat/weight" in old.records:
        raise CheckpointError("its labels are mapped as in the StyleGAN2 of 2019, which cannot be computed here")
    _check_settings(old, "skip")
    for name, wanted in (("use_noise", True), ("normalize_latents", True), ("mapping_nonlinearity", "lrelu")):
        old.require(name, wanted)
    sizes = _sizes(old, "synthesis/{0}x{0}/Conv1/weight")
    new = {"mapping.w_avg": old.take("dlatent_avg", 1)}
    depth = count_of(old.records, "mapping/Dense{}/weight")
    for i in range(depth):
        new |= _dense(old, f"mapping/Dense{i}", f"mapping.fc{i}")
    if "mapping/LabelEmbed/weight" in old.records:
        new |= _dense(old, "mapping/LabelEmbed", "mapping.embed")
    new["synthesis.b4.const"] = _first(old, "synthesis/4x4/Const/const")
    for i, size in enumerate(sizes):
        block, theirs = f"synthesis.b{size}", f"synthesis/{size}x{size}"
        if i:
            new |= _layer(old, f"{theirs}/Conv0_up", 2 * i - 1, f"{block}.conv0")
        new |= _layer(old, f"{theirs}/Conv1" if i else f"{theirs}/Conv", 2 * i, f"{block}.conv1")
        new |= _modulated(old, f"{theirs}/ToRGB", f"{block}.torgb")
    _finish(old)
    w_size = size_of(new, "synthesis.b4.conv1.affine.weight", 1)
    num_classes = size_of(new, "mapping.embed.weight", 1) if "mapping.embed.weight" in new else 0
    first = size_of(new, "mapping.fc0.weight", 1)
    config = {
        "resolution": sizes[-1],
        "channels": [size_of(new, f"synthesis.b{size}.conv1.weight", 0) for size in sizes],
        "latent_size": first - w_size if num_classes else first,
        "w_size": w_size,
        "num_classes": num_classes,
        "image_channels": size_of(new, "synthesis.b4.torgb.weight", 0),
        "mapping_depth": depth,
        "mapping_width": size_of(new, "mapping.fc0.weight", 0),
        "mapping_lr_multiplier": float(number(old.setting("mapping_lrmul", LR_MULTIPLIER))),
        "conv_clamp": _clamp(old),
    }
    return Weights(config, new)


def _check_settings(network: Network, architecture: str) -> None:
    network.require("architecture", architecture)
    network.require("nonlinearity", "lrelu")
    network.require("resample_kernel", [1, 3, 3, 1])


def _sizes(network: Network, pattern: str) -> list[int]:
    """4 and the sizes of the blocks above it."""
    blocks = 1
    while pattern.format(4 << blocks) in network.records and blocks < MOST_BLOCKS:
        blocks += 1
    return resolutions(blocks)


def _clamp(network: Network) -> float | None:
    value = network.setting("conv_clamp", None)
    return None if value is None else float(number(value))


def _dense(old: Network, theirs: str, ours: str, gain: float = 1.0) -> dict[str, Tensor]:
    weight, bias = old.take(f"{theirs}/weight", 2).T, old.take(f"{theirs}/bias", 1)
    return {f"{ours}.weight": weight * gain, f"{ours}.bias": bias * gain}


def _kernel(old: Network, name: str) -> Tensor:
    return old.take(name, 4).permute(3, 2, 0, 1)


def _modulated(old: Network, theirs: str, ours: str) -> dict[str, Tensor]:
    weight = _kernel(old, f"{theirs}/weight")
    return {
        f"{ours}.weight": weight.flip(2, 3) if theirs.endswith("_up") else weight,
        f"{ours}.bias": old.take(f"{theirs}/bias", 1),
        f"{ours}.affine.weight": old.take(f"{theirs}/mod_weight", 2).T,
        f"{ours}.affine.bias": old.take(f"{theirs}/mod_bias", 1) + 1,
    }


def _layer(old: Network, theirs: str, index: int, ours: str) -> dict[str, Tensor]:
    return _modulated(old, theirs, ours) | {
        f"{ours}.noise_strength": old.take(f"{theirs}/noise_strength", 0),
        f"{ours}.noise_const": _first(old, f"synthesis/noise{index}")[0],
    }


def _first(old: Network, name: str) -> Tensor:
    tensor = old.take(name, 4)
    if tensor.shape[0] != 1:
        raise CheckpointError(f"expected {name!r} with a leading dimension of 1, its shape is {tuple(tensor.shape)}")
    return tensor[0]


def _finish(old: Network) -> None:
    if old.records:
        raise CheckpointError(f"it has variables that are unknown here: {[name[:80] for name in sorted(old.records)[:3]]}")


def _discriminator(old: Network) -> Weights:
    _check_settings(old, "resnet")
    sizes = _sizes(old, "{0}x{0}/Conv1_down/weight")
    depth, new, num_classes = count_of(old.records, "Mapping{}/weight"), {}, 0
    if "LabelEmbed/weight" in old.records:
        if not depth:
            raise CheckpointError("its discriminator projects on labels that are not mapped, which cannot be computed here")
        new |= _dense(old, "LabelEmbed", "mapping.embed")
        num_classes = size_of(new, "mapping.embed.weight", 1)
        gain = float(number(old.setting("mapping_lrmul", LABEL_LR_MULTIPLIER))) / OUR_LABEL_LR_MULTIPLIER
        for i in range(depth):
            new |= _dense(old, f"Mapping{i}", f"mapping.fc{i}", gain)
    new |= _conv(old, f"b{sizes[-1]}.fromrgb") | _conv(old, "b4.conv")
    for size in sizes[1:]:
        new |= _conv(old, f"b{size}.conv0") | _conv(old, f"b{size}.conv1")
        new[f"b{size}.skip.weight"] = _kernel(old, f"{size}x{size}/Skip/weight")
    new |= _dense(old, "4x4/Dense0", "b4.fc") | _dense(old, "Output", "b4.out")
    _finish(old)
    outputs, width = size_of(new, "b4.out.weight", 0), size_of(new, "b4.fc.weight", 0)
    if not num_classes and outputs != 1:
        raise CheckpointError(f"its discriminator has {outputs} outputs, one for each class, which cannot be computed here")
    config = {
        "resolution": sizes[-1],
        "channels": [width, *(size_of(new, f"b{size}.conv0.weight", 0) for size in sizes[1:])],
        "num_classes": num_classes,
        "image_channels": size_of(new, f"b{sizes[-1]}.fromrgb.weight", 1),
        "label_size": outputs if num_classes else 512,
        "mapping_depth": depth or 8,
        "group": int(number(old.setting("mbstd_group_size", None) or 4)),
        "deviations": size_of(new, "b4.conv.weight", 1) - width,
        "conv_clamp": _clamp(old),
    }
    return Weights(config, new)


LAYERS = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "conv": "Conv"}


def _conv(old: Network, ours: str) -> dict[str, Tensor]:
    block, layer = ours.split(".")
    theirs = f"{block[1:]}x{block[1:]}/{LAYERS[layer]}"
    return {f"{ours}.weight": _kernel(old, f"{theirs}/weight"), f"{ours}.bias": old.take(f"{theirs}/bias", 1)}
