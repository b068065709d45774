"""StyleGAN2 pickles of NVlabs' TensorFlow code (stylegan2, stylegan2-ada repositories): the networks G, D and Gs.

Compared with the PyTorch release, kernels are stored as height x width x in x out, those of up-convolutions are rotated by 180
degrees, dense weights are transposed, and the biases of the modulation lack the 1 that is added at run time.
"""

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, image_sizes, reading
from orojar_adapters.readers.pickled import NETWORK, Network
from orojar_adapters.readers.records import called
from orojar_adapters.readers.stylegan2_arguments import LR_MULTIPLIER, count_blocks, discriminator_weights, generator_weights
from orojar_adapters.readers.tensors import Tensors
from orojar_adapters.readers.unpickle import Pickle

NAMES = ("G", "D", "Gs")
GENERATORS = ("Gs", "G")
"""Averaged weights first."""
LABEL_LR_MULTIPLIER = 0.1
"""Learning-rate multiplier of the discriminator's mapping, where the settings do not state it; here it is 0.01."""
LAYERS = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "conv": "Conv"}
"""Names of the discriminator's convolutions by ours."""


def matches(pickle: Pickle) -> bool:
    """Whether a pickle is one of NVlabs' TensorFlow pickles."""
    return NETWORK in pickle.globals


def read(pickle: Pickle, source: str, file: str) -> Checkpoint:
    """Returns the averaged generator (else the plain one), and the discriminator where it has variables.

    Raises:
        CheckpointError: no StyleGAN2 generator inside, or a variant that cannot be computed here.
    """
    value = pickle.value
    records = dict(zip(NAMES, value, strict=False)) if isinstance(value, (list, tuple)) else {"Gs": value}
    networks = {name: Network(record) for name, record in records.items() if called(record) == NETWORK}
    holds = tuple(name for name, network in networks.items() if len(network.tensors))
    network = next((networks[name] for name in GENERATORS if name in holds), None)
    if network is None:
        raise CheckpointError(f"expected a generator (Gs or G) in this pickle, it holds {list(holds) or 'none'}")
    discriminator, problem = attempt(lambda: _discriminator(networks["D"])) if "D" in networks else (None, None)
    if "synthesis/4x4/Const/StyleMod/weight" in network.tensors:
        raise CheckpointError("it is a StyleGAN of 2019, which is read in genforce's format (.pth) only")
    with reading("NVlabs' StyleGAN2 of TensorFlow"):
        generator = _generator(network)
    facts = SourceFacts(
        source=source,
        file=file,
        origin="nvlabs-tensorflow",
        holds=holds,
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle.globals)),
        embedded_source_sha256=network.source_sha256,
    )
    return Checkpoint("stylegan2", generator, discriminator, facts, problem)


def _generator(network: Network) -> Weights:
    old = network.tensors
    if "mapping/LabelConcat/weight" in old:
        raise CheckpointError("its labels are mapped as in the StyleGAN2 of 2019, which cannot be computed here")
    _check_settings(network, "skip")
    for name, wanted in (("use_noise", True), ("normalize_latents", True), ("mapping_nonlinearity", "lrelu")):
        network.require(name, wanted)
    new = {"mapping.w_avg": old.take("dlatent_avg", 1)}
    for i in range(old.count("mapping/Dense{}/weight")):
        new |= _dense(old, f"mapping/Dense{i}", f"mapping.fc{i}")
    if "mapping/LabelEmbed/weight" in old:
        new |= _dense(old, "mapping/LabelEmbed", "mapping.embed")
    new["synthesis.b4.const"] = old.first("synthesis/4x4/Const/const", 4)
    for i, size in enumerate(image_sizes(1 + count_blocks(old, "synthesis/{0}x{0}/Conv1/weight", 8))):
        block, theirs = f"synthesis.b{size}", f"synthesis/{size}x{size}"
        if i:
            new |= _layer(old, f"{theirs}/Conv0_up", 2 * i - 1, f"{block}.conv0")
        new |= _layer(old, f"{theirs}/Conv1" if i else f"{theirs}/Conv", 2 * i, f"{block}.conv1")
        new |= _modulated(old, f"{theirs}/ToRGB", f"{block}.torgb")
    old.finish()
    return generator_weights(new, network.number("mapping_lrmul", LR_MULTIPLIER), network.number("conv_clamp", None))


def _check_settings(network: Network, architecture: str) -> None:
    network.require("architecture", architecture)
    network.require("nonlinearity", "lrelu")
    network.require("resample_kernel", [1, 3, 3, 1])


def _dense(old: Tensors, theirs: str, ours: str, gain: float = 1.0) -> dict[str, Tensor]:
    weight, bias = old.take(f"{theirs}/weight", 2).T, old.take(f"{theirs}/bias", 1)
    return {f"{ours}.weight": weight * gain, f"{ours}.bias": bias * gain}


def _kernel(old: Tensors, name: str) -> Tensor:
    return old.take(name, 4).permute(3, 2, 0, 1)


def _modulated(old: Tensors, theirs: str, ours: str) -> dict[str, Tensor]:
    weight = _kernel(old, f"{theirs}/weight")
    return {
        f"{ours}.weight": weight.flip(2, 3) if theirs.endswith("_up") else weight,
        f"{ours}.bias": old.take(f"{theirs}/bias", 1),
        f"{ours}.affine.weight": old.take(f"{theirs}/mod_weight", 2).T,
        f"{ours}.affine.bias": old.take(f"{theirs}/mod_bias", 1) + 1,
    }


def _layer(old: Tensors, theirs: str, index: int, ours: str) -> dict[str, Tensor]:
    return _modulated(old, theirs, ours) | {
        f"{ours}.noise_strength": old.take(f"{theirs}/noise_strength", 0),
        f"{ours}.noise_const": old.first(f"synthesis/noise{index}", 4)[0],
    }


def _discriminator(network: Network) -> Weights:
    with reading("NVlabs' StyleGAN2 discriminator of TensorFlow, its D"):
        old = network.tensors
        if not len(old):
            raise CheckpointError("it is an empty shell, without weights")
        _check_settings(network, "resnet")
        new: dict[str, Tensor] = {}
        depth = old.count("Mapping{}/weight")
        if "LabelEmbed/weight" in old:
            if not depth:
                raise CheckpointError("it projects on labels that are not mapped, which cannot be computed here")
            new |= _dense(old, "LabelEmbed", "mapping.embed")
            gain = network.number("mapping_lrmul", LABEL_LR_MULTIPLIER) / LR_MULTIPLIER
            for i in range(depth):
                new |= _dense(old, f"Mapping{i}", f"mapping.fc{i}", gain)
        sizes = image_sizes(1 + count_blocks(old, "{0}x{0}/Conv1_down/weight", 8))
        new |= _conv(old, f"b{sizes[-1]}.fromrgb") | _conv(old, "b4.conv")
        for size in sizes[1:]:
            new |= _conv(old, f"b{size}.conv0") | _conv(old, f"b{size}.conv1")
            new[f"b{size}.skip.weight"] = _kernel(old, f"{size}x{size}/Skip/weight")
        new |= _dense(old, "4x4/Dense0", "b4.fc") | _dense(old, "Output", "b4.out")
        old.finish()
        return discriminator_weights(new, int(network.number("mbstd_group_size", 4)), network.number("conv_clamp", None))


def _conv(old: Tensors, ours: str) -> dict[str, Tensor]:
    block, layer = ours.split(".")
    theirs = f"{block[1:]}x{block[1:]}/{LAYERS[layer]}"
    return {f"{ours}.weight": _kernel(old, f"{theirs}/weight"), f"{ours}.bias": old.take(f"{theirs}/bias", 1)}
