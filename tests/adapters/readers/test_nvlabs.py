"""NVlabs' pickles: read correctly, to the bit, and without running what they embed."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foreign_files import FIR, Persistent, persistent, save_pickle
from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from tiny import tiny_stylegan2


def discriminator(**options) -> StyleGAN2Discriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return StyleGAN2Discriminator(16, [8, 8, 4], label_size=8, mapping_depth=2, **options).eval()


def latents(generator: StyleGAN2) -> tuple[torch.Tensor, torch.Tensor | None]:
    classes = torch.tensor([0, 2]) if generator.num_classes else None
    return generator.sample_latents(2, torch.Generator().manual_seed(0)), classes


def assert_same(found, wanted: StyleGAN2) -> None:
    z, classes = latents(wanted)
    assert torch.equal(found(z, classes, truncation=0.7), wanted(z, classes, truncation=0.7))


def module(record: Persistent, *names: str) -> dict[str, Any]:
    """The state of a module below, to be tampered with."""
    for name in names:
        record = record.meta["state"]["_modules"][name]
    return record.meta["state"]


def test_the_original_codes_images_are_reproduced(golden):
    generator = load_generator(golden / "nvlabs_stylegan2_32.pkl")
    wanted = {name: torch.from_numpy(array) for name, array in np.load(golden / "nvlabs_stylegan2_32.npz").items()}
    for psi, suffix in ((1.0, ""), (0.7, "_psi07")):
        ws = generator.map(wanted["z"], truncation=psi)
        images = generator.synthesize(ws)
        assert (ws - wanted[f"ws{suffix}"]).abs().max() < 1e-4 * wanted[f"ws{suffix}"].std()
        assert (images - wanted[f"image{suffix}"]).abs().max() < 1e-4 * wanted["image"].std()


def test_the_original_discriminator_sees_its_images(golden):
    pictures = torch.from_numpy(np.load(golden / "nvlabs_stylegan2_32.npz")["image"])
    logits = load_discriminator(golden / "nvlabs_stylegan2_32.pkl")(pictures)
    assert torch.isfinite(logits).all() and logits.std() > 0


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("options", [{}, {"image_channels": 1}, {"image_channels": 4}, {"num_classes": 3}])
def test_a_pickled_generator_makes_the_same_image(options, protocol, tmp_path):
    generator = tiny_stylegan2(**options)
    path = save_pickle({"G_ema": persistent(generator)}, tmp_path / "network.pkl", protocol)
    assert_same(load_generator(path), generator)


@pytest.mark.parametrize(
    ("shape", "holds"),
    [
        (
            lambda ema, last, discriminator: {
                "G": last,
                "D": discriminator,
                "G_ema": ema,
                "training_set_kwargs": {"path": "x"},
            },
            ("G", "D", "G_ema"),
        ),
        (lambda ema, *_: {"G": ema, "augment_pipe": None}, ("G",)),
        (lambda ema, *_: ema, ("G",)),
    ],
    ids=["snapshot", "without-average", "bare-module"],
)
def test_the_averaged_generator_is_taken_of_a_snapshot_else_the_only_one(shape, holds, tmp_path):
    averaged, last = tiny_stylegan2(seed=0), tiny_stylegan2(seed=1)
    value = shape(persistent(averaged), persistent(last), persistent(discriminator()))
    found = load_generator(save_pickle(value, tmp_path / "network.pkl"))
    assert_same(found, averaged)
    assert found.source_facts.holds == holds
    assert found.source_facts.has_discriminator is ("D" in holds)
    assert found.source_facts.origin == "nvlabs-pytorch"
    assert found.source_facts.file == "network.pkl"


def test_embedded_source_is_digested_and_never_run(tmp_path):
    marker = tmp_path / "ran"
    source = f"open({str(marker)!r}, 'w')\nraise RuntimeError\n# \udce4"
    path = save_pickle(
        {"G_ema": persistent(tiny_stylegan2(), source), "D": persistent(discriminator(), source)}, tmp_path / "n.pkl"
    )
    facts = load_generator(path).source_facts
    load_discriminator(path)
    assert facts.embedded_source_sha256 == hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
    assert "torch_utils.persistence._reconstruct_persistent_obj" in facts.pickle_globals
    assert not marker.exists()


@pytest.mark.parametrize("options", [{}, {"num_classes": 3}, {"deviations": 2, "group": 2}, {"conv_clamp": 1.0}])
def test_a_pickled_discriminator_gives_the_same_logits(options, tmp_path):
    wanted = discriminator(**options)
    path = save_pickle({"G": persistent(tiny_stylegan2()), "D": persistent(wanted)}, tmp_path / "network.pkl")
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.eye(3)[[0, 1, 2, 0]] if wanted.num_classes else None
    assert torch.equal(load_discriminator(path)(images, labels), wanted(images, labels))


def test_settings_are_taken_from_the_modules(tmp_path):
    record = persistent(tiny_stylegan2())
    module(record, "mapping", "fc0")["weight_gain"] = np.float32(0.02 / np.sqrt(8))
    for size in (4, 8, 16):
        module(record, "synthesis", f"b{size}", "conv1")["conv_clamp"] = 256
    config = load_generator(save_pickle({"G": record}, tmp_path / "network.pkl")).config
    assert config["mapping_lr_multiplier"] == pytest.approx(0.02, rel=1e-6)
    assert config["conv_clamp"] == 256.0


def test_a_discriminator_of_another_architecture_does_not_hinder_the_generator(tmp_path):
    record = persistent(discriminator())
    module(record, "b16")["architecture"] = "orig"
    path = save_pickle({"G_ema": persistent(tiny_stylegan2()), "D": record}, tmp_path / "network.pkl")
    assert load_generator(path).source_facts.has_discriminator is False
    with pytest.raises(CheckpointError, match="architecture is 'orig', only resnet"):
        load_discriminator(path)


def test_without_a_discriminator_it_says_what_there_is(tmp_path):
    path = save_pickle({"G_ema": persistent(tiny_stylegan2())}, tmp_path / "network.pkl")
    with pytest.raises(CheckpointError, match=r"no discriminator .* holds \['G_ema'\]"):
        load_discriminator(path)


def tampered(tmp_path: Path, names: tuple[str, ...], change) -> Path:
    record = persistent(tiny_stylegan2())
    change(module(record, *names))
    return save_pickle({"G_ema": record}, tmp_path / "network.pkl")


@pytest.mark.parametrize(
    ("names", "change", "words"),
    [
        (("synthesis", "b8"), lambda s: s.update(architecture="resnet"), "architecture is 'resnet', only skip"),
        (("synthesis", "b8", "conv0"), lambda s: s.update(activation="relu"), "activation is 'relu', only lrelu or linear"),
        (("synthesis", "b8", "conv0"), lambda s: s.update(use_noise=False), "use_noise is False, only True"),
        (("synthesis", "b8"), lambda s: s["_buffers"].update(resample_filter=FIR[:2, :2]), "resampling filter is"),
        (("synthesis", "b8"), lambda s: s["_buffers"].update(resample_filter=torch.ones(99, 99)), r"of the size \(99, 99\)"),
        (
            ("synthesis", "b8", "conv0"),
            lambda s: s["_parameters"].pop("bias"),
            r"missing tensors .*b8\.conv0\.bias",
        ),
        (("synthesis",), lambda s: s["_parameters"].update(x=torch.ones(1)), r"unknown tensors \['synthesis.x'\]"),
        (("synthesis", "b8", "conv0"), lambda s: s["_parameters"].update(bias=torch.ones(7)), r"shape \(8,\), but has \(7,\)"),
        (("synthesis", "b8", "conv0"), lambda s: s["_parameters"].update(bias=torch.ones(8).int()), "floating-point"),
        (("synthesis", "b8", "conv0"), lambda s: s["_parameters"].update(bias=torch.full((8,), torch.nan)), "not finite"),
        (("synthesis", "b8", "conv0"), lambda s: s["_parameters"].update(bias="x"), "expected a tensor .* found str"),
        (("synthesis", "b4"), lambda s: s["_modules"].pop("conv1"), "expected a StyleGAN2 or StyleGAN3 generator, found one"),
        (("mapping",), lambda s: s["_modules"].clear(), "mapping.fc0"),
        (("mapping", "fc0"), lambda s: s.update(weight_gain=float("nan")), "not finite"),
        (("mapping", "fc0"), lambda s: s.update(weight_gain=10**400), "larger than any setting"),
        (("mapping", "fc0"), lambda s: s.update(weight_gain=-1.0), "mapping_lr_multiplier must be"),
        (("mapping", "fc0"), lambda s: s.update(weight_gain=[0.1]), "expected a number .* found list"),
        (("synthesis", "b4", "conv1"), lambda s: s.update(conv_clamp=0), "conv_clamp must be"),
    ],
)
def test_a_generator_that_cannot_be_computed_is_refused_by_name(names, change, words, tmp_path):
    with pytest.raises(CheckpointError, match=words):
        load_generator(tampered(tmp_path, names, change))


def test_a_mapping_whose_parameters_bear_dotted_names_is_refused(tmp_path):
    def dotted(state: dict[str, Any]) -> None:
        layer = state["_modules"].pop("fc0").meta["state"]["_parameters"]
        state["_parameters"].update({f"fc0.{name}": tensor for name, tensor in layer.items()})

    with pytest.raises(CheckpointError, match=r"module mapping\.fc0"):
        load_generator(tampered(tmp_path, ("mapping",), dotted))


@pytest.mark.parametrize("value", [{}, {"G": None}, {"D": persistent(discriminator())}, [1], None])
def test_a_pickle_without_a_generator_is_refused(value, tmp_path):
    with pytest.raises(CheckpointError, match=r"expected a generator|without a network"):
        load_generator(save_pickle(value, tmp_path / "network.pkl"))


@pytest.mark.parametrize("meta", [None, {}, {"state": None}, []])
def test_a_module_without_a_state_is_refused(meta, tmp_path):
    with pytest.raises(CheckpointError, match="has no state"):
        load_generator(save_pickle({"G": Persistent(meta)}, tmp_path / "network.pkl"))
