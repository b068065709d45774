"""genforce's StyleGAN2: kernels of up-convolutions are turned by 180 degrees against ours, modulation biases lack the 1."""

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights, block_sizes, size_of
from orojar_adapters.readers.genforce_mapping import mapping
from orojar_adapters.readers.nvlabs_stylegan2 import check_filter
from orojar_adapters.readers.state_dict import StateDict

MARKS = {"synthesis.layer0.noise_strength", "synthesis.layer0.style.weight"}


def generator(old: StateDict) -> Weights:
    """The generator, of the architecture with skip connections to the image.

    Raises:
        CheckpointError: tensors missing, or a variant that cannot be computed here.
    """
    if "mapping.label_weight" in old:
        raise CheckpointError("its labels are mapped as in the StyleGAN2 of 2019, which cannot be computed here")
    new, config = mapping(old)
    sizes = block_sizes(old.records, "synthesis.output{}.weight")
    _check_filters(old)
    new["synthesis.b4.const"] = _first(old, "synthesis.early_layer.const")
    for i, size in enumerate(sizes):
        block = f"synthesis.b{size}"
        if i:
            _layer(old, f"synthesis.layer{2 * i - 1}", f"{block}.conv0", new)
            new[f"{block}.conv0.weight"] = new[f"{block}.conv0.weight"].flip(2, 3)
        _layer(old, f"synthesis.layer{2 * i}", f"{block}.conv1", new)
        _modulated(old, f"synthesis.output{i}", f"{block}.torgb", new)
    config |= {
        "resolution": sizes[-1],
        "channels": [len(new[f"synthesis.b{size}.conv1.weight"]) for size in sizes],
        "image_channels": len(new["synthesis.b4.torgb.weight"]),
    }
    return Weights(config, new | old.rest())


def _check_filters(old: StateDict) -> None:
    for name in [name for name in old.records if name.endswith(".kernel")]:
        check_filter(old.take(name, 4)[0, 0])


def _modulated(old: StateDict, source: str, target: str, new: dict[str, Tensor]) -> None:
    new[f"{target}.weight"] = old.take(f"{source}.weight", 4)
    new[f"{target}.bias"] = old.take(f"{source}.bias", 1)
    new[f"{target}.affine.weight"] = old.take(f"{source}.style.weight", 2)
    new[f"{target}.affine.bias"] = old.take(f"{source}.style.bias", 1) + 1


def _layer(old: StateDict, source: str, target: str, new: dict[str, Tensor]) -> None:
    _modulated(old, source, target, new)
    new[f"{target}.noise_strength"] = old.take(f"{source}.noise_strength", 0)
    new[f"{target}.noise_const"] = _first(old, f"{source}.noise")[0]


def _first(old: StateDict, name: str) -> Tensor:
    tensor = old.take(name, 4)
    if tensor.shape[0] != 1:
        raise CheckpointError(f"expected {name!r} with a leading dimension of 1, its shape is {tuple(tensor.shape)}")
    return tensor[0]


def discriminator(old: StateDict) -> Weights:
    """The discriminator, of the residual architecture; its deviation is taken over groups of 4, that code's default.

    Raises:
        CheckpointError: tensors missing, or one output for each class.
    """
    sizes = block_sizes(old.records, "skip_layer{}.weight", first=1)
    _check_filters(old)
    names, last = {"input0": f"b{sizes[-1]}.fromrgb"}, 2 * len(sizes) - 2
    for i, size in enumerate(reversed(sizes[1:])):
        names |= {f"layer{2 * i}": f"b{size}.conv0", f"layer{2 * i + 1}": f"b{size}.conv1"}
    names |= {f"layer{last}": "b4.conv", f"layer{last + 1}": "b4.fc", f"layer{last + 2}": "b4.out"}
    new = {f"{target}.{part}": old.take(f"{source}.{part}") for source, target in names.items() for part in ("weight", "bias")}
    new |= {f"b{size}.skip.weight": old.take(f"skip_layer{i}.weight") for i, size in enumerate(reversed(sizes[1:]))}
    if old.records:
        raise CheckpointError(f"its discriminator has unknown tensors {[name[:80] for name in sorted(old.records)[:3]]}")
    outputs, width = (size_of(new, f"b4.{layer}.weight", 0) for layer in ("out", "fc"))
    if outputs != 1:
        raise CheckpointError(f"its discriminator has {outputs} outputs, one for each class, which cannot be computed here")
    config = {
        "resolution": sizes[-1],
        "channels": [width, *(size_of(new, f"b{size}.conv0.weight", 0) for size in sizes[1:])],
        "image_channels": size_of(new, f"b{sizes[-1]}.fromrgb.weight", 1),
        "deviations": size_of(new, "b4.conv.weight", 1) - width,
    }
    return Weights(config, new)
