"""State dicts with NVlabs' names: what their classes have, no tensor more or less."""

import math
from typing import Any

import pytest
import torch

from foreign_files import FIR, Persistent, save_pickle
from originals import assert_same_tensors, nvlabs_modules, nvlabs_state
from orojar_adapters import load_discriminator, load_generator, open_source
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.writers import nvlabs
from tiny import tiny_biggan, tiny_discriminator, tiny_stylegan2


def module(state: dict[str, torch.Tensor], attributes: dict[str, dict], name: str = "") -> Persistent:
    """A pickled module of NVlabs' with these tensors, and the attributes that its constructor would have set."""
    own = {key: tensor for key, tensor in state.items() if "." not in key}
    children: dict[str, dict] = {}
    for key, tensor in state.items():
        head, _, rest = key.partition(".")
        if rest:
            children.setdefault(head, {})[rest] = tensor
    below = {head: module(tensors, attributes, f"{name}.{head}".lstrip(".")) for head, tensors in children.items()}
    if f"{name}.mbstd".lstrip(".") in attributes:
        below["mbstd"] = module({}, attributes, f"{name}.mbstd".lstrip("."))
    values = {"_parameters": own, "_buffers": {}, "_modules": below, **attributes.get(name, {})}
    return Persistent({"module_src": "", "class_name": "Module", "state": values})


def generator_module(export: nvlabs.Export) -> Persistent:
    arguments = export.networks["generator"]["arguments"]
    mapping = arguments["mapping_kwargs"]
    in_size = arguments["z_dim"] + (arguments["w_dim"] if arguments["c_dim"] else 0)
    attributes = {
        "mapping.fc0": {"weight_gain": mapping["lr_multiplier"] / math.sqrt(in_size)},
        "synthesis.b4.conv1": {"conv_clamp": arguments["synthesis_kwargs"]["conv_clamp"]},
    }
    return module(export.files[""], attributes)


def discriminator_module(export: nvlabs.Export) -> Persistent:
    arguments = export.networks["discriminator"]["arguments"]
    epilogue = arguments["epilogue_kwargs"]
    deviation = {"group_size": epilogue["mbstd_group_size"], "num_channels": epilogue["mbstd_num_channels"]}
    attributes = {"b4.conv": {"conv_clamp": arguments["conv_clamp"]}, "b4.mbstd": deviation}
    return module(export.files["-discriminator"], attributes)


@pytest.fixture(scope="module")
def original(golden) -> tuple[nvlabs.Export, dict[str, dict[str, Any]]]:
    """The export of an original, read once, and what is in its pickle."""
    path = golden / "nvlabs_stylegan2_32.pkl"
    opened = open_source(path)
    export = nvlabs.export(opened.generator(), opened.discriminator())
    return export, nvlabs_modules(path)


def test_the_originals_states_come_back_tensor_for_tensor(original):
    export, modules = original
    assert_same_tensors(export.files[""], nvlabs_state(modules["G_ema"]))
    assert_same_tensors(export.files["-discriminator"], nvlabs_state(modules["D"]))


def test_the_originals_constructor_arguments_come_back(original):
    export, modules = original
    found, wanted = export.networks["generator"]["arguments"], modules["G_ema"]["_init_kwargs"]
    for name in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"):
        assert found[name] == wanted[name]
    for name in ("channel_base", "channel_max", "num_fp16_res", "conv_clamp"):
        assert found["synthesis_kwargs"][name] == wanted[name]
    assert found["mapping_kwargs"]["num_layers"] == wanted["mapping_kwargs"]["num_layers"]
    found, wanted = export.networks["discriminator"]["arguments"], modules["D"]["_init_kwargs"]
    assert {name: found[name] for name in wanted} == wanted
    assert export.notes == []


WIDE = {"latent_size": 6, "mapping_width": 12, "mapping_lr_multiplier": 0.02, "conv_clamp": 1.5}


@pytest.mark.parametrize(
    "generator",
    [
        tiny_stylegan2(),
        tiny_stylegan2(num_classes=3),
        tiny_stylegan2(image_channels=4),
        StyleGAN2(16, [12, 8, 4], w_size=8, mapping_depth=3, **WIDE),
    ],
    ids=["plain", "conditional", "rgba", "clamped"],
)
def test_a_pickle_with_the_exported_tensors_and_arguments_makes_the_same_images(generator, tmp_path):
    export = nvlabs.export(generator, None)
    found = load_generator(save_pickle({"G_ema": generator_module(export)}, tmp_path / "network.pkl"))
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 2]) if generator.num_classes else None
    assert torch.equal(found(z, labels, truncation=0.7), generator(z, labels, truncation=0.7))


@pytest.mark.parametrize("options", [{}, {"num_classes": 3}, {"group": 2, "deviations": 2, "conv_clamp": 1.0}])
def test_a_pickle_with_the_exported_discriminator_gives_the_same_logits(options, tmp_path):
    discriminator = StyleGAN2Discriminator(16, [8, 8, 4], label_size=8, mapping_depth=2, **options)
    export = nvlabs.export(tiny_stylegan2(num_classes=discriminator.num_classes), discriminator)
    value = {"G_ema": generator_module(export), "D": discriminator_module(export)}
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.eye(3)[[0, 1, 2, 0]] if discriminator.num_classes else None
    found = load_discriminator(save_pickle(value, tmp_path / "network.pkl"))
    assert torch.equal(found(images, labels), discriminator(images, labels))


def test_filters_stand_where_nvlabs_modules_register_them():
    export = nvlabs.export(tiny_stylegan2(), tiny_discriminator())
    found = [{name for name in state if name.endswith("resample_filter")} for state in export.files.values()]
    blocks = ["b4", "b4.conv1", *(f"b{size}{part}" for size in (8, 16) for part in ("", ".conv0", ".conv1"))]
    assert found[0] == {f"synthesis.{name}.resample_filter" for name in blocks}
    layers = [f"b{size}{part}" for size in (8, 16) for part in ("", ".conv0", ".conv1", ".skip")]
    assert found[1] == {f"{name}.resample_filter" for name in (*layers, "b16.fromrgb", "b4.conv")}
    assert torch.equal(export.files[""]["synthesis.b4.resample_filter"], FIR)


def test_no_two_tensors_share_memory():
    export = nvlabs.export(tiny_stylegan2(), tiny_discriminator())
    for state in export.files.values():
        assert len({tensor.untyped_storage().data_ptr() for tensor in state.values()}) == len(state)
        assert not any(tensor.requires_grad for tensor in state.values())


@pytest.mark.parametrize(
    ("channels", "base", "most"),
    [
        ([512, 512, 512, 512, 512, 256, 128, 64, 32], 32768, 512),
        ([512, 512, 512, 512, 256, 128, 64, 32, 16], 16384, 512),
        ([24, 24, 24, 16], 512, 24),
        ([8, 8], 64, 8),
        ([10, 5, 2], 40, 10),
    ],
)
def test_channels_are_a_base_over_the_size_up_to_a_limit(channels, base, most):
    assert nvlabs.channel_arguments(channels) == {"channel_base": base, "channel_max": most}
    assert [min(base // (4 << i), most) for i in range(len(channels))] == channels


@pytest.mark.parametrize("channels", [[64, 64, 48, 32], [96, 96, 64, 48, 24], [4, 8]])
def test_a_table_that_is_none_of_these_is_said_so(channels):
    assert nvlabs.channel_arguments(channels) == {"channel_base": None, "channel_max": None}
    generator = StyleGAN2(2 << len(channels), channels, latent_size=4, w_size=4, mapping_depth=1)
    export = nvlabs.export(generator, None)
    assert export.networks["generator"]["arguments"]["synthesis_kwargs"]["channel_base"] is None
    assert list(export.networks["generator"]["channels"].values()) == channels
    assert list(export.networks["generator"]["channels"])[:2] == ["4", "8"]
    assert len(export.notes) == 1
    assert export.notes[0].startswith("channel_base and channel_max cannot express the channels of the generator: put")


def test_other_families_are_refused():
    with pytest.raises(ValueError, match=r"^--to nvlabs holds StyleGAN2 generators only, .* is biggan: type --to folder$"):
        nvlabs.export(tiny_biggan(), None)
