"""genforce's StyleGAN2: kernels of up-convolutions are rotated by 180 degrees against ours, modulation biases lack the 1."""

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import Weights, image_sizes
from orojar_adapters.readers.genforce import block_sizes, mapping
from orojar_adapters.readers.stylegan2_arguments import discriminator_weights, drop_filters, generator_weights
from orojar_adapters.readers.tensors import Tensors

MARKS = ("synthesis.layer0.noise_strength", "synthesis.layer0.style.weight")


def generator(old: Tensors) -> Weights:
    """Returns the generator, of the architecture with skip connections to the image."""
    if "mapping.label_weight" in old:
        raise CheckpointError("its labels are mapped as in the StyleGAN2 of 2019, which cannot be computed here")
    new, _ = mapping(old)
    drop_filters(old)
    new["synthesis.b4.const"] = old.first("synthesis.early_layer.const", 4)
    for i, size in enumerate(block_sizes(old, "synthesis.output{}.weight")):
        block = f"synthesis.b{size}"
        if i:
            new |= _layer(old, f"synthesis.layer{2 * i - 1}", f"{block}.conv0")
            new[f"{block}.conv0.weight"] = new[f"{block}.conv0.weight"].flip(2, 3)
        new |= _layer(old, f"synthesis.layer{2 * i}", f"{block}.conv1")
        new |= _modulated(old, f"synthesis.output{i}", f"{block}.torgb")
    old.finish()
    return generator_weights(new)


def _modulated(old: Tensors, theirs: str, ours: str) -> dict[str, Tensor]:
    new = old.layer(theirs, ours, 4) | old.layer(f"{theirs}.style", f"{ours}.affine", 2)
    return new | {f"{ours}.affine.bias": new[f"{ours}.affine.bias"] + 1}


def _layer(old: Tensors, theirs: str, ours: str) -> dict[str, Tensor]:
    return _modulated(old, theirs, ours) | {
        f"{ours}.noise_strength": old.take(f"{theirs}.noise_strength", 0),
        f"{ours}.noise_const": old.first(f"{theirs}.noise", 4)[0],
    }


def discriminator(old: Tensors) -> Weights:
    """Returns the discriminator, of the residual architecture; its deviation is taken over groups of 4, that code's default."""
    sizes = image_sizes(1 + old.count("skip_layer{}.weight"))
    drop_filters(old)
    names, last = {"input0": f"b{sizes[-1]}.fromrgb"}, 2 * len(sizes) - 2
    for i, size in enumerate(reversed(sizes[1:])):
        names |= {f"layer{2 * i}": f"b{size}.conv0", f"layer{2 * i + 1}": f"b{size}.conv1"}
    names |= {f"layer{last}": "b4.conv", f"layer{last + 1}": "b4.fc", f"layer{last + 2}": "b4.out"}
    new = {f"{ours}.{part}": old.take(f"{theirs}.{part}") for theirs, ours in names.items() for part in ("weight", "bias")}
    new |= {f"b{size}.skip.weight": old.take(f"skip_layer{i}.weight") for i, size in enumerate(reversed(sizes[1:]))}
    old.finish()
    return discriminator_weights(new)
