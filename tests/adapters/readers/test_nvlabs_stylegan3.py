"""NVlabs' StyleGAN3 pickles: read correctly, compared with the originals' images, and refused where they make no sense."""

import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from foreign_files import persistent, save_pickle
from foreign_stylegan3 import module, nvlabs_stylegan3
from hostile import deep, doubled
from originals import SHIPPED, arrays
from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.networks.stylegan3.generator import StyleGAN3
from tiny import tiny_discriminator, tiny_stylegan3


def unusual() -> StyleGAN3:
    """A generator whose every setting is another than the default, with a layer that samples four times as densely."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        schedule = {"first_cutoff": 1.5, "first_stopband": 5.0, "stopband_ratio": 1.5, "margin": 2, "critical_layers": 3}
        return StyleGAN3(
            32, [4, 5, 6, 7, 3], 6, 4, mapping_depth=3, mapping_lr_multiplier=0.1, conv_clamp=None, output_scale=0.5, **schedule
        ).eval()


def assert_same(found, wanted: StyleGAN3) -> None:
    z = wanted.sample_latents(2, torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 2]) if wanted.num_classes else None
    assert type(found) is StyleGAN3
    assert torch.equal(found(z, classes, truncation=0.7), wanted(z, classes, truncation=0.7))


def assert_reproduced(folder: Path, name: str) -> None:
    """The file makes the images that the original code made."""
    generator = load_generator(folder / f"{name}.pkl")
    wanted = arrays(folder / f"{name}.npz")
    for psi, suffix in ((1.0, ""), (0.7, "_psi07")):
        ws = generator.map(wanted["z"], truncation=psi)
        images = generator.synthesize(ws)
        assert (ws - wanted[f"ws{suffix}"]).abs().max() < 1e-4 * wanted[f"ws{suffix}"].std()
        assert (images - wanted[f"image{suffix}"]).abs().max() < 1e-4 * wanted[f"image{suffix}"].std()


def test_the_original_codes_images_of_config_r_are_reproduced():
    assert_reproduced(SHIPPED, "nvlabs_stylegan3_r_32")


def test_the_original_codes_images_of_config_t_are_reproduced(golden):
    assert_reproduced(golden, "nvlabs_stylegan3_t_32")


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize(
    "make",
    [
        tiny_stylegan3,
        lambda: tiny_stylegan3(rotations=True, image_channels=1),
        lambda: tiny_stylegan3(image_channels=4),
        lambda: tiny_stylegan3(num_classes=3),
        unusual,
    ],
    ids=["T", "R-gray", "RGBA", "conditional", "unusual"],
)
def test_a_pickled_generator_makes_the_same_image(make, protocol, tmp_path):
    generator = make()
    path = save_pickle({"G_ema": nvlabs_stylegan3(generator)}, tmp_path / "network.pkl", protocol)
    found = load_generator(path)
    assert_same(found, generator)
    assert found.config["mapping_lr_multiplier"] == pytest.approx(generator.config["mapping_lr_multiplier"])
    for name in ("kernel_size", "radial", "margin", "conv_clamp", "output_scale", "first_stopband", "stopband_ratio"):
        assert found.config[name] == generator.config[name]


def test_what_a_file_does_not_state_is_as_it_was_published(tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = StyleGAN3(16, [3, 3, 3], 4, 4).eval()
    record = nvlabs_stylegan3(generator)
    for name in ("num_critical", "margin_size", "output_scale", "_init_kwargs"):
        module(record, "synthesis").pop(name)
    assert_same(load_generator(save_pickle({"G": record}, tmp_path / "network.pkl")), generator)


def test_a_snapshot_gives_the_averaged_generator_its_discriminator_and_where_it_came_from(tmp_path):
    marker = tmp_path / "ran"
    source = f"open({str(marker)!r}, 'w')"
    generator, discriminator = tiny_stylegan3(), tiny_discriminator()
    value = {
        "G": nvlabs_stylegan3(tiny_stylegan3(seed=3)),
        "D": persistent(discriminator),
        "G_ema": nvlabs_stylegan3(generator, source),
    }
    path = save_pickle(value, tmp_path / "network.pkl")
    found = load_generator(path)
    assert_same(found, generator)
    assert found.source_facts.origin == "nvlabs-pytorch" and found.source_facts.has_discriminator
    assert found.source_facts.embedded_source_sha256 is not None and not marker.exists()
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_discriminator(path)(images), discriminator(images))


def test_it_goes_on_from_a_model_folder(tmp_path):
    generator = load_generator(save_pickle({"G": nvlabs_stylegan3(unusual())}, tmp_path / "network.pkl"))
    generator.save_pretrained(tmp_path / "folder")
    assert_same(load_generator(tmp_path / "folder"), unusual())


def refusal(record: Any, tmp_path: Path) -> str:
    """What is said of a file, at once: nothing is made as large as the file says."""
    path = save_pickle({"G_ema": record}, tmp_path / "network.pkl")
    began = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        load_generator(path)
    assert time.process_time() - began < 3  # without the tests' checks of types it takes a few hundredths
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def buffer(name: str, change: Callable) -> Callable[[dict], None]:
    return lambda state: state["_buffers"].update({name: change(state["_buffers"][name])})


@pytest.mark.parametrize(
    ("names", "change", "words"),
    [
        (("mapping",), lambda s: s["_modules"].clear(), "mapping.fc0"),
        (("mapping", "fc1"), lambda s: s["_parameters"].pop("bias"), "missing tensors ['mapping.fc1.bias']"),
        (("synthesis",), lambda s: s["_modules"].pop("input"), "expected a StyleGAN2 or StyleGAN3 generator"),
        (("synthesis",), lambda s: s["_modules"].clear(), "expected a StyleGAN2 or StyleGAN3 generator"),
        (("synthesis", "input"), lambda s: s["_buffers"].pop("freqs"), "missing tensors ['synthesis.input.freqs']"),
        (("synthesis", "input"), lambda s: s["_modules"].pop("affine"), "missing tensors ['synthesis.input.affine.bias'"),
        (("synthesis",), lambda s: s["_modules"].pop("L1_22_6"), "expected StyleGAN3's layers L0_SIZE_CHANNELS, L1_"),
        (("synthesis",), lambda s: s["_modules"].pop("L3_16_3"), "its layer 'L1_22_6' should be 'L1_16_6' by its settings"),
        (("synthesis", "L0_22_6"), lambda s: s["_modules"].clear(), "'synthesis.L0_22_6.affine.weight' is missing"),
        (("synthesis", "L1_22_6"), lambda s: s["_parameters"].pop("weight"), "'synthesis.L1_22_6.weight' is missing"),
        (
            ("synthesis", "L1_22_6"),
            lambda s: s["_buffers"].pop("up_filter"),
            "the tensor 'synthesis.L1_22_6.up_filter' is missing",
        ),
        (("synthesis", "L1_22_6"), lambda s: s["_buffers"].pop("magnitude_ema"), "missing tensors"),
        (("synthesis", "L1_22_6"), buffer("up_filter", lambda f: f * 1.01), "the up_filter (12 taps) of its layer 'L1_22_6'"),
        (("synthesis", "L2_16_4"), buffer("down_filter", lambda f: f[1:]), "the down_filter (11 taps) of its layer 'L2_16_4'"),
        (("synthesis", "L0_22_6"), buffer("down_filter", lambda f: f[:, None] * f), "(12x12 taps) of its layer 'L0_22_6'"),
        (("synthesis", "L1_22_6"), buffer("down_filter", lambda f: f * torch.nan), "the down_filter (12 taps) of its"),
        (("synthesis", "L3_16_3"), lambda s: s["_buffers"].update(up_filter=torch.ones(2)), "unknown tensors"),
        (("synthesis",), lambda s: s["_parameters"].update(x=torch.ones(1)), "unknown tensors ['synthesis.x']"),
        (("synthesis", "L2_16_4"), lambda s: s["_parameters"].update(bias=torch.ones(7)), "shape (4,), but has (7,)"),
        (("synthesis", "L2_16_4"), lambda s: s["_parameters"].update(weight=torch.ones(5, 6, 3, 3)), "'L2_16_5'"),
        (
            ("synthesis", "L0_22_6"),
            lambda s: s["_parameters"].update(weight=torch.ones(6, 6, 5, 5)),
            "kernel_size must be 1 or 3",
        ),
        (("synthesis", "L0_22_6"), lambda s: s["_parameters"].update(weight=torch.ones(6, 6)), "with 4 dimensions"),
        (("synthesis", "L0_22_6"), lambda s: s.update(conv_clamp=-1), "conv_clamp must be"),
        (("synthesis",), lambda s: s.update(output_scale=float("nan")), "not finite"),
        (("synthesis",), lambda s: s.update(output_scale=0.0), "output_scale must be"),
        (("synthesis",), lambda s: s.update(output_scale="1"), "expected a number in this checkpoint, found str"),
        (("synthesis",), lambda s: s.update(margin_size=10**9), "margin must be a whole number from 0 to 128"),
        (("synthesis",), lambda s: s.update(margin_size=10**400), "larger than any setting"),
        (("synthesis",), lambda s: s.update(margin_size=2.5), "its layers cannot be those of a StyleGAN3"),
        (("synthesis",), lambda s: s.update(margin_size=4), "'L0_22_6' should be 'L0_24_6' by its settings"),
        (("synthesis",), lambda s: s.update(num_critical=99), "critical_layers must be a whole number from 1 to 2"),
        (("synthesis",), lambda s: s["_init_kwargs"].update(first_cutoff=1e-300), "first_cutoff must lie from 1"),
        (("synthesis",), lambda s: s["_init_kwargs"].update(first_cutoff=3.0), "is not the one that its settings design"),
        (("synthesis",), lambda s: s["_init_kwargs"].update(first_stopband=1e18), "first_cutoff must lie from 1"),
        (
            ("synthesis",),
            lambda s: s["_init_kwargs"].update(first_stopband=[1]),
            "expected a number in this checkpoint, found list",
        ),
        (
            ("synthesis",),
            lambda s: s["_init_kwargs"].update(filter_size=4),
            "its filter_size is 4, only 6 can be computed here",
        ),
        (("synthesis",), lambda s: s["_init_kwargs"].update(lrelu_upsampling=4), "its lrelu_upsampling is 4, only 2"),
        (("synthesis",), lambda s: s["_init_kwargs"].update(filter_size=10**18), "its filter_size is 1000"),
    ],
)
def test_a_generator_that_cannot_be_computed_is_refused_by_name(names, change, words, tmp_path):
    record = nvlabs_stylegan3(tiny_stylegan3())
    change(module(record, *names))
    assert words in refusal(record, tmp_path)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (["L0_22_6", "L1_22_6", "L2_99999_4", "L3_99999_3"], "resolution must be a whole number from 16 to 4096, got 99999"),
        (["L0_22_6", "L1_22_6", "L2_4096_4", "L3_4096_3"], "'L1_22_6' should be"),
        (["L0_22_6", "L1_22_6", "L2_0_4", "L3_0_3"], "resolution must be"),
        (["L0_22_6", "L1_22_6", "L3_16_4", "L4_16_3"], "expected StyleGAN3's layers"),
        (["L0_22_6", "L00_22_6", "L2_16_4", "L3_16_3"], "expected StyleGAN3's layers"),
        (["L0_22_6", "L1_22_6", "L2_16_4", "L3_" + "9" * 100 + "_3"], "'L1_22_6' should be 'L1_16_6'"),
        (["L0_22_6", "L1_22_60000", "L2_16_4", "L3_16_3"], "its layer 'L1_22_60000' should be 'L1_22_6'"),
        (["a", "b", "c", "d"], "expected StyleGAN3's layers L0_SIZE_CHANNELS, L1_... in this generator, found []"),
        ([f"L{i}_22_6" for i in range(200)], "expected StyleGAN3's layers"),
    ],
)
def test_layers_that_only_claim_a_size_are_refused(layers, words, tmp_path):
    record = nvlabs_stylegan3(tiny_stylegan3())
    modules = module(record, "synthesis")["_modules"]
    given = [modules.pop(name) for name in list(modules) if name != "input"]
    for i, name in enumerate(layers):
        modules[name] = given[i] if i < len(given) else persistent(torch.nn.Linear(1, 1))
    assert words in refusal(record, tmp_path)


@pytest.mark.parametrize(
    "value", [deep("list", 2000), deep("call", 2000), doubled()], ids=["deep-list", "deep-call", "doubled"]
)
@pytest.mark.parametrize("setting", ["margin_size", "output_scale", "_init_kwargs"])
def test_settings_that_are_nested_are_never_walked(value, setting, tmp_path):
    record = nvlabs_stylegan3(tiny_stylegan3())
    module(record, "synthesis")[setting] = "REPLACE"
    path = save_pickle({"G_ema": record}, tmp_path / "network.pkl", protocol=3)
    text = pickle.BINUNICODE + (7).to_bytes(4, "little") + b"REPLACE"
    data = path.read_bytes()
    assert text in data
    # what it is replaced by writes over memo entries, which nothing after it reads
    path.write_bytes(data.replace(text, value))
    if setting == "_init_kwargs":  # no dictionary: nothing is stated
        assert load_generator(path).resolution == 16
    else:
        with pytest.raises(CheckpointError, match="expected a number in this checkpoint"):
            load_generator(path)
