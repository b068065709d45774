"""NVlabs' TensorFlow pickles, made from our networks by reversing our renaming: no TensorFlow is needed."""

from typing import Any, NamedTuple

from torch import Tensor

from foreign_files import Name, Pickler
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator


class TFNetwork(NamedTuple):
    """A `dnnlib.tflib.network.Network` with this state."""

    state: Any


def _save_network(pickler: Pickler, network: TFNetwork) -> None:
    pickler.save_reduce(Name("dnnlib.tflib.network", "Network"), (), network.state, obj=network)


Pickler.dispatch[TFNetwork] = _save_network


def network(variables: dict[str, Any], components: dict[str, TFNetwork] | None = None, **settings: Any) -> TFNetwork:
    pairs = [
        (name, values.detach().numpy()[()] if isinstance(values, Tensor) else values) for name, values in variables.items()
    ]
    state = {"version": 4, "name": "x", "static_kwargs": settings, "components": components or {}, "variables": pairs}
    return TFNetwork(state | {"build_module_src": "raise RuntimeError('run')", "build_func_name": "x"})


def tf_generator(generator: StyleGAN2, **settings: Any) -> TFNetwork:
    """A generator as `Gs`: mapping and synthesis are networks of their own."""
    state = generator.state_dict()
    mapping = {}
    for i in range(generator.config["mapping_depth"]):
        mapping |= _dense(state, f"mapping.fc{i}", f"Dense{i}")
    if generator.num_classes:
        mapping |= _dense(state, "mapping.embed", "LabelEmbed")
    synthesis = {"4x4/Const/const": state["synthesis.b4.const"][None]}
    for i, size in enumerate(generator.synthesis.resolutions):
        block, theirs = f"synthesis.b{size}", f"{size}x{size}"
        if i:
            synthesis |= _layer(state, f"{block}.conv0", f"{theirs}/Conv0_up", 2 * i - 1)
        synthesis |= _layer(state, f"{block}.conv1", f"{theirs}/Conv1" if i else f"{theirs}/Conv", 2 * i)
        synthesis |= _modulated(state, f"{block}.torgb", f"{theirs}/ToRGB")
    parts = {"mapping": network(mapping), "synthesis": network(synthesis)}
    return network({"dlatent_avg": state["mapping.w_avg"], "lod": state["mapping.w_avg"][0]}, parts, **settings)


def _dense(state: dict[str, Tensor], ours: str, theirs: str, gain: float = 1.0) -> dict[str, Tensor]:
    return {f"{theirs}/weight": state[f"{ours}.weight"].T * gain, f"{theirs}/bias": state[f"{ours}.bias"] * gain}


def _modulated(state: dict[str, Tensor], ours: str, theirs: str) -> dict[str, Tensor]:
    weight = state[f"{ours}.weight"].permute(2, 3, 1, 0)
    return {
        f"{theirs}/weight": weight.flip(0, 1) if theirs.endswith("_up") else weight,
        f"{theirs}/bias": state[f"{ours}.bias"],
        f"{theirs}/mod_weight": state[f"{ours}.affine.weight"].T,
        f"{theirs}/mod_bias": state[f"{ours}.affine.bias"] - 1,
    }


def _layer(state: dict[str, Tensor], ours: str, theirs: str, index: int) -> dict[str, Tensor]:
    return _modulated(state, ours, theirs) | {
        f"{theirs}/noise_strength": state[f"{ours}.noise_strength"],
        f"noise{index}": state[f"{ours}.noise_const"][None, None],
    }


def tf_discriminator(discriminator: StyleGAN2Discriminator, label_gain: float = 0.1, **settings: Any) -> TFNetwork:
    """A discriminator as `D`; the mapping of its labels learns at 0.1 there, at 0.01 here."""
    state = discriminator.state_dict()
    variables = _dense(state, "b4.fc", "4x4/Dense0") | _dense(state, "b4.out", "Output")
    layers = {f"{discriminator.block_names[0]}.fromrgb": "FromRGB", "b4.conv": "Conv"}
    for name in discriminator.block_names[:-1]:
        layers |= {f"{name}.conv0": "Conv0", f"{name}.conv1": "Conv1_down"}
        variables[f"{name[1:]}x{name[1:]}/Skip/weight"] = state[f"{name}.skip.weight"].permute(2, 3, 1, 0)
    for ours, layer in layers.items():
        size = ours.split(".")[0][1:]
        variables[f"{size}x{size}/{layer}/weight"] = state[f"{ours}.weight"].permute(2, 3, 1, 0)
        variables[f"{size}x{size}/{layer}/bias"] = state[f"{ours}.bias"]
    if discriminator.num_classes:
        variables |= _dense(state, "mapping.embed", "LabelEmbed")
        for i in range(discriminator.config["mapping_depth"]):
            variables |= _dense(state, f"mapping.fc{i}", f"Mapping{i}", 0.01 / label_gain)
    return network(variables, **settings)
