"""genforce's files of three families: read correctly, to the bit where nothing is scaled, and refused by name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from foreign_genforce import genforce_discriminator, genforce_pggan, genforce_stylegan, genforce_stylegan2
from orojar_adapters import CheckpointError, Generator, load_discriminator, load_generator
from tiny import tiny_discriminator, tiny_pggan, tiny_stylegan, tiny_stylegan2

MADE = {
    "stylegan2": (tiny_stylegan2, genforce_stylegan2),
    "stylegan": (tiny_stylegan, genforce_stylegan),
    "stylegan-128": (lambda: tiny_stylegan(resolution=128), genforce_stylegan),
    "stylegan-conditional": (lambda: tiny_stylegan(num_classes=3), genforce_stylegan),
    "pggan": (tiny_pggan, genforce_pggan),
    "pggan-fused": (tiny_pggan, lambda generator: genforce_pggan(generator, fused=True)),
}


def saved(tmp_path: Path, value) -> Path:
    torch.save(value, tmp_path / "model.pth")
    return tmp_path / "model.pth"


def assert_same(found: Generator, wanted: Generator) -> None:
    z = wanted.sample_latents(2, torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 2]) if wanted.num_classes else None
    expected = wanted(z, classes, truncation=0.7)
    torch.testing.assert_close(found(z, classes, truncation=0.7), expected, rtol=0, atol=2e-5 * expected.std().item())


@pytest.mark.parametrize("family", ["stylegan2", "stylegan", "pggan"])
def test_the_original_codes_images_are_reproduced(family, golden):
    generator = load_generator(golden / f"genforce_{family}_32.pth")
    wanted = {name: torch.from_numpy(array) for name, array in np.load(golden / f"genforce_{family}_32.npz").items()}
    ws, limit = generator.map(wanted["z"]), 1e-4 * wanted["image"].std()
    assert (generator.synthesize(ws) - wanted["image"]).abs().max() < limit
    if family != "pggan":
        assert (ws - wanted["ws"]).abs().max() < 1e-4 * wanted["ws"].std()
        truncated = generator.synthesize(generator.map(wanted["z"], truncation=0.7, cutoff=4))
        assert (truncated - wanted["image_psi07_layers4"]).abs().max() < limit


@pytest.mark.parametrize(("make", "write"), MADE.values(), ids=MADE)
def test_a_converted_file_makes_the_same_image(make, write, tmp_path):
    found = load_generator(saved(tmp_path, {"generator_smooth": write(make())}))
    assert_same(found, make())
    assert found.source_facts.holds == ("generator_smooth",)
    assert found.source_facts.origin == "genforce"


@pytest.mark.parametrize("family", ["stylegan2", "stylegan", "pggan"])
def test_the_averaged_generator_is_taken_else_the_only_one(family, tmp_path):
    make, write = MADE[family]
    averaged, last = make(seed=0), make(seed=1)
    found = load_generator(saved(tmp_path, {"generator": write(last), "generator_smooth": write(averaged)}))
    assert_same(found, averaged)
    assert found.source_facts.holds == ("generator_smooth", "generator")
    assert_same(load_generator(saved(tmp_path, {"generator": write(last)})), last)
    bare = load_generator(saved(tmp_path, {f"module.{name}": tensor for name, tensor in write(averaged).items()}))
    assert_same(bare, averaged)
    assert bare.source_facts.holds == ("state dict",)


def test_a_training_state_gives_its_average_and_its_discriminator(tmp_path):
    discriminator = tiny_discriminator().eval()
    models = {"generator_smooth": genforce_stylegan2(tiny_stylegan2()), "discriminator": genforce_discriminator(discriminator)}
    path = saved(tmp_path, {"models": models, "running_metadata": {"iter": 1, "seen_img": 32}, "optimizers": {}})
    found = load_generator(path)
    assert_same(found, tiny_stylegan2())
    assert found.source_facts.has_discriminator
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_discriminator(path)(images), discriminator(images))


def test_how_many_inputs_of_a_pggan_are_classes_is_told_by_its_discriminator(tmp_path):
    generator, discriminator = genforce_pggan(tiny_pggan(num_classes=3)), {"layer6.bias": torch.ones(4)}
    assert_same(
        load_generator(saved(tmp_path, {"generator": generator, "discriminator": discriminator})), tiny_pggan(num_classes=3)
    )
    assert load_generator(saved(tmp_path, {"generator": generator})).latent_size == 11
    with pytest.raises(CheckpointError, match="has 11 classes, its generator has only 11 inputs"):
        load_generator(saved(tmp_path, {"generator": generator, "discriminator": {"layer6.bias": torch.ones(12)}}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("skip_layer1.weight"), r"unknown tensors \['layer5"),
        (lambda s: s.pop("layer4.bias"), r"'layer4\.bias' .* missing"),
        (
            lambda s: s.update({"layer6.weight": torch.ones(5, 8), "layer6.bias": torch.ones(5)}),
            "5 outputs, one for each class",
        ),
        (lambda s: s.update({"layer1.filter.kernel": torch.ones(1, 1, 4, 4)}), "resampling filter"),
    ],
)
def test_a_discriminator_of_another_architecture_does_not_hinder_the_generator(change, words, tmp_path):
    discriminator = genforce_discriminator(tiny_discriminator())
    change(discriminator)
    path = saved(tmp_path, {"generator": genforce_stylegan2(tiny_stylegan2()), "discriminator": discriminator})
    assert_same(load_generator(path), tiny_stylegan2())
    with pytest.raises(CheckpointError, match=words):
        load_discriminator(path)


def fill(pattern: str, *size: int):
    return lambda s: s.update({pattern.format(i): torch.ones(size) for i in range(30)})


@pytest.mark.parametrize(
    ("family", "change", "words"),
    [
        ("stylegan2", lambda s: s.update({"mapping.label_weight": torch.ones(3, 8)}), "mapped as in the StyleGAN2 of 2019"),
        (
            "stylegan2",
            lambda s: s.update({"truncation.w_avg": torch.ones(48)}),
            "48 values for styles of 8, one w for all layers",
        ),
        ("stylegan2", lambda s: s.pop("mapping.dense0.weight"), r"'mapping\.dense0\.weight' .* missing"),
        ("stylegan2", lambda s: s.pop("synthesis.early_layer.const"), r"'synthesis\.early_layer\.const' .* missing"),
        ("stylegan2", lambda s: s.pop("synthesis.output0.weight"), r"'synthesis\.output0\.weight' is missing"),
        ("stylegan2", lambda s: s.pop("synthesis.layer3.noise"), r"'synthesis\.layer3\.noise' .* missing"),
        ("stylegan2", lambda s: s.update({"synthesis.layer1.filter.kernel": torch.ones(1, 1, 4, 4)}), "resampling filter"),
        ("stylegan2", lambda s: s.update({"synthesis.layer0.noise": torch.ones(2, 1, 4, 4)}), "leading dimension of 1"),
        ("stylegan2", lambda s: s.update({"synthesis.layer0.noise": torch.ones(1, 1, 2000, 2000)}), "should have the shape"),
        ("stylegan2", lambda s: s.update({"synthesis.layer0.weight": torch.ones(8, 8, 3)}), "with 4 dimensions"),
        ("stylegan2", lambda s: s.update({"synthesis.x": torch.ones(1)}), r"unknown tensors \['synthesis\.x'\]"),
        ("stylegan2", lambda s: s.update({"synthesis.output0.bias": torch.full((3,), torch.nan)}), "not finite"),
        ("stylegan2", fill("synthesis.output{}.weight", 1), "it has 30 blocks"),
        ("stylegan", lambda s: s.update({"synthesis.lod": torch.tensor(1.5)}), "growing had 1.5 levels to go"),
        ("stylegan", lambda s: s.update({"synthesis.layer0.const": torch.ones(2, 8, 4, 4)}), "leading dimension of 1"),
        ("stylegan", lambda s: s.update({"synthesis.layer2.blur.kernel": torch.ones(8, 1, 3, 3)}), r"that of \[1, 2, 1\]"),
        ("stylegan", lambda s: s.update({"synthesis.layer2.blur.kernel": torch.ones(8, 1, 5, 5)}), r"that of \[1, 2, 1\]"),
        ("stylegan", lambda s: s.pop("synthesis.output0.weight"), r"'synthesis\.output0\.weight' is missing"),
        ("stylegan", lambda s: s.pop("synthesis.layer5.weight"), r"'synthesis\.layer5\.weight' .* missing"),
        ("stylegan", lambda s: s.update({"mapping.label_weight": torch.ones(3, 9)}), "fc0.weight' should have the shape"),
        ("stylegan", lambda s: s.update({"synthesis.layer8.bias": torch.ones(1)}), r"unknown tensors \['synthesis\.layer8"),
        ("stylegan", fill("synthesis.output{}.weight", 1), "it has 30 blocks"),
        ("stylegan", fill("mapping.dense{}.weight", 8, 8), r"'mapping\.dense2\.bias' .* missing"),
        ("pggan", lambda s: s.update({"lod": torch.tensor(2.0)}), "growing had 2 levels to go"),
        ("pggan", lambda s: s.pop("layer3.weight"), r"'layer3\.weight' .* missing"),
        ("pggan", lambda s: s.update({"layer0.weight": torch.ones(8, 8, 5, 5)}), "should have the shape"),
        ("pggan", lambda s: s.update({"layer2.weight": torch.ones(8, 9, 3, 3)}), "should have the shape"),
        ("pggan", lambda s: s.update({"x": torch.ones(1)}), r"unknown tensors \['x'\]"),
        ("pggan", fill("output{}.weight", 1), "it has 30 blocks"),
    ],
)
def test_tensors_of_another_architecture_are_refused_by_name(family, change, words, tmp_path):
    make, write = MADE[family]
    state = write(make())
    change(state)
    with pytest.raises(CheckpointError, match=words):
        load_generator(saved(tmp_path, {"generator_smooth": state}))


@pytest.mark.parametrize("value", [{"generator_smooth": {}}, {"models": []}, {"generator": {"layer0.weight": torch.ones(1)}}])
def test_a_torch_file_of_something_else_is_refused(value, tmp_path):
    with pytest.raises(CheckpointError, match="torch file of a family that is not read"):
        load_generator(saved(tmp_path, value))
