"""NVlabs' TensorFlow pickles: read correctly and without running what they embed."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from foreign_files import save_pickle
from foreign_tf import TFNetwork, network, tf_discriminator, tf_generator
from originals import SHIPPED, arrays
from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.networks.stylegan2 import StyleGAN2
from tiny import tiny_discriminator, tiny_stylegan2

EMPTY = network({})


def saved(tmp_path: Path, value, protocol: int = 4) -> Path:
    return save_pickle(value, tmp_path / "network.pkl", protocol)


def assert_same(found, wanted: StyleGAN2) -> None:
    z = wanted.sample_latents(2, torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 2]) if wanted.num_classes else None
    expected = wanted(z, classes, truncation=0.7)
    torch.testing.assert_close(found(z, classes, truncation=0.7), expected, rtol=0, atol=1e-5 * expected.std().item())


def test_the_original_codes_images_are_reproduced():
    generator = load_generator(SHIPPED / "tf_stylegan2_32.pkl")
    wanted = arrays(SHIPPED / "tf_stylegan2_32.npz")
    ws = generator.map(wanted["z"])
    assert (ws - wanted["ws"]).abs().max() < 1e-4 * wanted["ws"].std()
    for psi, name in ((1.0, "image"), (0.7, "image_psi07")):
        images = generator(wanted["z"], truncation=psi)
        assert (images - wanted[name]).abs().max() < 1e-4 * wanted["image"].std()


def test_an_empty_shell_is_not_a_discriminator():
    facts = load_generator(SHIPPED / "tf_stylegan2_32.pkl").source_facts
    assert facts.holds == ("G", "Gs") and not facts.has_discriminator
    assert facts.origin == "nvlabs-tensorflow"
    with pytest.raises(CheckpointError, match="an empty shell, without weights"):
        load_discriminator(SHIPPED / "tf_stylegan2_32.pkl")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("options", [{}, {"image_channels": 1}, {"num_classes": 3}])
def test_a_pickled_generator_makes_the_same_image(options, protocol, tmp_path):
    generator = tiny_stylegan2(**options)
    assert_same(load_generator(saved(tmp_path, (EMPTY, EMPTY, tf_generator(generator)), protocol)), generator)


def test_the_averaged_generator_is_taken_else_the_only_one(tmp_path):
    averaged, last = tiny_stylegan2(seed=0), tiny_stylegan2(seed=1)
    discriminator = tf_discriminator(tiny_discriminator())
    found = load_generator(saved(tmp_path, (tf_generator(last), discriminator, tf_generator(averaged))))
    assert_same(found, averaged)
    assert found.source_facts.holds == ("G", "D", "Gs")
    assert_same(load_generator(saved(tmp_path, (tf_generator(last), discriminator, None))), last)
    assert_same(load_generator(saved(tmp_path, tf_generator(averaged))), averaged)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_a_pickled_discriminator_gives_the_same_logits(num_classes, tmp_path):
    wanted = tiny_discriminator(num_classes).eval()
    path = saved(tmp_path, (EMPTY, tf_discriminator(wanted), tf_generator(tiny_stylegan2())))
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.eye(3)[[0, 1, 2, 0]] if num_classes else None
    torch.testing.assert_close(load_discriminator(path)(images, labels), wanted(images, labels), rtol=1e-4, atol=1e-5)


def test_embedded_source_is_digested_and_never_run(tmp_path):
    marker = tmp_path / "ran"
    source = f"open({str(marker)!r}, 'w')\nraise RuntimeError\n# \udce4"
    generator = tf_generator(tiny_stylegan2())
    generator.state["build_module_src"] = source
    facts = load_generator(saved(tmp_path, (EMPTY, EMPTY, generator))).source_facts
    assert facts.embedded_source_sha256 == hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
    assert "dnnlib.tflib.network.Network" in facts.pickle_globals
    assert not marker.exists()


def test_settings_are_taken_from_the_network_and_its_parts(tmp_path):
    generator = tf_generator(tiny_stylegan2(), mapping_lrmul=0.02, resample_kernel=(1, 3, 3, 1), num_fp16_res=4)
    generator.state["components"]["synthesis"].state["static_kwargs"]["conv_clamp"] = 256
    config = load_generator(saved(tmp_path, (None, None, generator))).config
    assert config["mapping_lr_multiplier"] == 0.02
    assert config["conv_clamp"] == 256.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"architecture": "resnet"}, "architecture is 'resnet', only 'skip'"),
        ({"nonlinearity": "relu"}, "nonlinearity is 'relu'"),
        ({"mapping_nonlinearity": "relu"}, "mapping_nonlinearity is 'relu'"),
        ({"use_noise": False}, "use_noise is False"),
        ({"normalize_latents": False}, "normalize_latents is False"),
        ({"resample_kernel": None}, "resample_kernel is None"),
        ({"resample_kernel": [1, 2, 1]}, "resample_kernel is a list"),
        ({"conv_clamp": "x"}, "expected a number"),
        ({"conv_clamp": -1}, "conv_clamp must be"),
        ({"mapping_lrmul": float("nan")}, "not finite"),
    ],
)
def test_settings_that_cannot_be_computed_are_refused_by_name(settings, words, tmp_path):
    with pytest.raises(CheckpointError, match=words):
        load_generator(saved(tmp_path, (None, None, tf_generator(tiny_stylegan2(), **settings))))


def changed(tmp_path: Path, part: str | None, change) -> Path:
    """A generator whose variables, or those of a part of it, are tampered with."""
    generator = tf_generator(tiny_stylegan2())
    state = generator.state["components"][part].state if part else generator.state
    variables = dict(state["variables"])
    change(variables)
    state["variables"] = list(variables.items())
    return saved(tmp_path, (EMPTY, EMPTY, generator))


CONV = np.ones((3, 3, 8, 8), np.float32)


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        (None, lambda v: v.pop("dlatent_avg"), "'dlatent_avg' .* missing"),
        ("mapping", lambda v: v.clear(), "'mapping.fc0.weight'"),
        (
            "mapping",
            lambda v: v.update({"LabelConcat/weight": np.ones((3, 8))}),
            "mapped as in the StyleGAN2 of 2019",
        ),
        ("synthesis", lambda v: v.update({"4x4/Const/StyleMod/weight": np.ones(1)}), "a StyleGAN of 2019"),
        ("synthesis", lambda v: v.pop("8x8/Conv0_up/mod_bias"), "'synthesis/8x8/Conv0_up/mod_bias'"),
        ("synthesis", lambda v: v.pop("4x4/Const/const"), "'synthesis/4x4/Const/const'"),
        ("synthesis", lambda v: v.pop("noise3"), "'synthesis/noise3'"),
        ("synthesis", lambda v: v.pop("8x8/Conv1/weight"), r"unknown tensors \['synthesis/16x16/Conv0_up"),
        ("synthesis", lambda v: v.update({"8x8/Conv1/weight": np.ones((3, 3, 8))}), "with 4 dimensions, its shape is"),
        ("synthesis", lambda v: v.update({"8x8/Conv1/weight": np.ones((3, 3, 8, 9), np.float32)}), "shape"),
        ("synthesis", lambda v: v.update({"4x4/Const/const": np.ones((2, 8, 4, 4))}), "leading dimension of 1"),
        ("synthesis", lambda v: v.update({"x": np.ones(1)}), r"unknown tensors \['synthesis/x'\]"),
        ("synthesis", lambda v: v.update({"noise0": np.full((1, 1, 4, 4), np.nan)}), "not finite"),
        ("synthesis", lambda v: v.update({"noise0": np.zeros((1, 1, 4, 4), np.int32)}), "floating-point"),
        ("synthesis", lambda v: v.update({"noise0": "x"}), "expected an array .* found str"),
        ("synthesis", lambda v: v.update({"noise0": np.ones((1, 1, 2000, 2000))}), "noise_const' should have the shape"),
        (
            "synthesis",
            lambda v: v.update({f"{8 << i}x{8 << i}/Conv1/weight": CONV for i in range(40)}),
            "it has 41 blocks",
        ),
    ],
)
def test_variables_of_another_architecture_are_refused_by_name(part, change, words, tmp_path):
    with pytest.raises(CheckpointError, match=words):
        load_generator(changed(tmp_path, part, change))


def discriminator(**changes) -> TFNetwork:
    return network(dict(tf_discriminator(tiny_discriminator()).state["variables"]) | changes)


@pytest.mark.parametrize(
    ("discriminator", "words"),
    [
        (tf_discriminator(tiny_discriminator(), architecture="orig"), "architecture is 'orig', only 'resnet'"),
        (network({"Output/weight": torch.ones(8, 1)}), "'4x4/FromRGB/weight'"),
        (discriminator(**{"LabelEmbed/weight": torch.ones(1)}), "not mapped"),
        (discriminator(**{"Output/weight": torch.ones(8, 5), "Output/bias": torch.ones(5)}), "5 outputs, one for each class"),
    ],
    ids=["architecture", "missing", "labels", "outputs"],
)
def test_a_discriminator_of_another_architecture_does_not_hinder_the_generator(discriminator, words, tmp_path):
    path = saved(tmp_path, (EMPTY, discriminator, tf_generator(tiny_stylegan2())))
    assert_same(load_generator(path), tiny_stylegan2())
    assert load_generator(path).source_facts.has_discriminator is False
    with pytest.raises(CheckpointError, match=words):
        load_discriminator(path)


def nested(levels: int) -> TFNetwork:
    inner = network({"x": torch.ones(1)})
    for _ in range(levels):
        inner = network({}, {"n" * 10: inner})
    return inner


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((EMPTY, EMPTY, EMPTY), r"expected a generator \(Gs or G\) in this pickle, it holds none"),
        ([None, tf_discriminator(tiny_discriminator())], r"it holds \['D'\]"),
        (TFNetwork(None), "has no state"),
        (network({"a": torch.ones(1)}, {"b": TFNetwork([])}), "has no state"),
        (network({"a": torch.ones(1)}, {"b": "x"}), "has no state"),
        (TFNetwork({"variables": ["x"]}), "pairs of a name and an array"),
        (TFNetwork({"variables": [(1, np.ones(1))]}), "pairs of a name and an array"),
        (TFNetwork({"variables": [("x" * 500, np.ones(1))]}), "named longer"),
        (nested(100), "nested deeper, or named longer"),
        (TFNetwork({"variables": [(str(i), None) for i in range(10_001)]}), "more than 10,000 tensors"),
    ],
)
def test_networks_that_no_generator_has_are_refused(value, words, tmp_path):
    with pytest.raises(CheckpointError, match=words) as caught:
        load_generator(saved(tmp_path, value))
    assert len(str(caught.value)) < 1000


def test_a_network_that_contains_itself_is_refused(tmp_path):
    shared = network({"x": torch.ones(1)})
    with pytest.raises(CheckpointError, match="contains itself or another one twice"):
        load_generator(saved(tmp_path, network({}, {"a": shared, "b": shared})))
