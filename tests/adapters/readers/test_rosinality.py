"""rosinality's files, old and new, whole and partial."""

from pathlib import Path

import pytest
import torch

from foreign_files import rosinality_discriminator, rosinality_generator, rosinality_training_state
from originals import SHIPPED, arrays
from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from tiny import tiny_stylegan2


def discriminator() -> StyleGAN2Discriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return StyleGAN2Discriminator(16, [8, 8, 4]).eval()


def save(value, path: Path, zipped: bool = True) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


def assert_same(found, truncation: float = 0.7) -> None:
    wanted = tiny_stylegan2()
    z = wanted.sample_latents(2, torch.Generator().manual_seed(0))
    assert torch.equal(found(z, truncation=truncation), wanted(z, truncation=truncation))


def test_the_original_codes_images_are_reproduced():
    generator = load_generator(SHIPPED / "rosinality_stylegan2_32.pt")
    wanted = arrays(SHIPPED / "rosinality_stylegan2_32.npz")
    ws = generator.map(wanted["z"])
    assert (ws - wanted["ws"]).abs().max() < 1e-4 * wanted["ws"].std()
    for psi, name in ((1.0, "image"), (0.7, "image_psi07")):
        images = generator(wanted["z"], truncation=psi)
        assert (images - wanted[name]).abs().max() < 1e-4 * wanted["image"].std()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-zip"])
def test_a_converted_file_makes_the_same_image(zipped, tmp_path):
    generator = tiny_stylegan2()
    value = {"g_ema": rosinality_generator(generator), "latent_avg": generator.mapping.w_avg}
    found = load_generator(save(value, tmp_path / "model.pt", zipped))
    assert_same(found)
    assert found.source_facts.holds == ("g_ema",)
    assert found.source_facts.origin == "rosinality"


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-zip"])
def test_a_whole_training_state_gives_its_average_and_its_discriminator(zipped, tmp_path):
    path = save(rosinality_training_state(tiny_stylegan2(), discriminator()), tmp_path / "model.pt", zipped)
    found = load_generator(path)
    assert_same(found)
    assert found.source_facts.has_discriminator
    assert "argparse.Namespace" in found.source_facts.pickle_globals
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_discriminator(path)(images), discriminator()(images))


def test_a_bare_state_dict_is_a_generator(tmp_path):
    found = load_generator(save(rosinality_generator(tiny_stylegan2()), tmp_path / "model.pt"))
    assert_same(found, truncation=1.0)
    assert found.source_facts.holds == ("state dict",)


def test_the_prefix_of_data_parallel_is_dropped(tmp_path):
    state = {f"module.{name}": tensor for name, tensor in rosinality_generator(tiny_stylegan2()).items()}
    value = {"g_ema": state, "latent_avg": tiny_stylegan2().mapping.w_avg}
    assert_same(load_generator(save(value, tmp_path / "model.pt")))


def test_a_missing_average_is_the_mean_of_many_latents(tmp_path):
    path = save({"g_ema": rosinality_generator(tiny_stylegan2())}, tmp_path / "model.pt")
    found = load_generator(path)
    z = found.sample_latents(40_000, torch.Generator().manual_seed(5))
    with torch.no_grad():
        w = found.map(z)[:, 0]
    assert (found.mapping.w_avg - w.mean(0)).abs().max() < 0.05 * w.std()
    assert torch.equal(found.mapping.w_avg, load_generator(path).mapping.w_avg)


def test_missing_noise_maps_are_fixed_ones(tmp_path):
    state = {name: t for name, t in rosinality_generator(tiny_stylegan2()).items() if not name.startswith("noises.")}
    path = save({"g_ema": state, "latent_avg": tiny_stylegan2().mapping.w_avg}, tmp_path / "model.pt")
    found, again = load_generator(path), load_generator(path)
    assert all(torch.equal(a, b) for a, b in zip(found.state_dict().values(), again.state_dict().values(), strict=True))
    z = found.sample_latents(2, torch.Generator().manual_seed(0))
    assert torch.equal(found(z, noise="none"), tiny_stylegan2()(z, noise="none"))
    assert 0.7 < found.synthesis.b16.conv1.noise_const.std() < 1.3


def test_half_precision_weights_become_float32(tmp_path):
    state = {name: tensor.half() for name, tensor in rosinality_generator(tiny_stylegan2()).items()}
    found = load_generator(save({"g_ema": state}, tmp_path / "model.pt"))
    assert {parameter.dtype for parameter in found.parameters()} == {torch.float32}
    assert torch.equal(found.synthesis.b4.const, tiny_stylegan2().synthesis.b4.const.half().float())


def test_loaded_weights_do_not_share_memory_with_each_other_or_the_file(tmp_path):
    path = save(rosinality_generator(tiny_stylegan2()), tmp_path / "model.pt")
    generator = load_generator(path)
    places = [tensor.untyped_storage().data_ptr() for tensor in generator.state_dict().values()]
    assert len(set(places)) == len(places)
    before = path.read_bytes()
    for parameter in generator.parameters():
        parameter.data.zero_()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("input.input"), "'input.input' .* missing"),
        (lambda s: s.pop("style.1.weight"), "'style.1.weight' is missing"),
        (lambda s: s.pop("convs.0.activate.bias"), r"'convs\.0\.activate\.bias'"),
        (lambda s: s.update({"convs.0.noise.weight": torch.ones(2)}), r"noise_strength' should have the shape \(\)"),
        (lambda s: s.update({"convs.0.conv.weight": torch.ones(2, 8, 8, 3, 3)}), "leading dimension of 1"),
        (lambda s: s.update({"noises.noise_1": torch.ones(1, 1, 3, 3)}), "noise_const"),
        (lambda s: s.update({"convs.0.conv.blur.kernel": torch.ones(4, 4)}), "resampling filter"),
        (lambda s: s.update({"style.1.weight": torch.full((8, 8), torch.inf)}), "not finite"),
        (lambda s: s.update({"style.2.weight": torch.ones(8, 5)}), r"shape \(8, 5\)"),
        (lambda s: s.update({"conv1.conv.modulation.weight": torch.ones(8)}), "with 2 dimensions"),
        (lambda s: s.update({"iwt.ll": torch.ones(1, 1, 2, 2)}), r"unknown tensors \['iwt\.ll'\]"),
        (lambda s: s.update({f"to_rgbs.{i}.bias": torch.ones(1) for i in range(30)}), "it has 31 blocks"),
    ],
)
def test_tensors_of_another_architecture_are_refused_by_name(change, words, tmp_path):
    state = rosinality_generator(tiny_stylegan2())
    change(state)
    with pytest.raises(CheckpointError, match=words):
        load_generator(save({"g_ema": state}, tmp_path / "model.pt"))


OTHERS = [{"a": torch.ones(1)}, [torch.ones(1)], torch.ones(1), {"g_ema": None}, rosinality_discriminator(discriminator())]


@pytest.mark.parametrize("value", OTHERS, ids=["tensors", "list", "tensor", "nothing", "discriminator"])
def test_a_torch_file_of_something_else_is_refused(value, tmp_path):
    with pytest.raises(CheckpointError, match="torch file of a family that is not read"):
        load_generator(save(value, tmp_path / "model.pt"))
