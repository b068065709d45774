"""BigGAN-PyTorch's files: read correctly and refused by name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from foreign_biggan import ajbrock_biggan, normalized
from orojar_adapters import CheckpointError, load_generator
from orojar_adapters.networks.biggan import BigGAN
from orojar_adapters.readers import tensors
from orojar_adapters.readers.biggan import divided_by_estimate
from tiny import tiny_biggan


def save(value, path: Path) -> Path:
    torch.save(value, path)
    return path


def pictures(generator) -> torch.Tensor:
    z = generator.sample_latents(3, torch.Generator().manual_seed(0))
    return generator(z, torch.arange(3), truncation=0.7).detach()


def assert_same(found, wanted: BigGAN) -> None:
    assert found.config["channels"] == wanted.config["channels"]
    torch.testing.assert_close(pictures(found), pictures(wanted), rtol=1e-4, atol=1e-5)


def test_the_original_codes_images_are_reproduced(golden):
    generator = load_generator(golden / "ajbrock_biggan_32.pth")
    wanted = {name: torch.from_numpy(array) for name, array in np.load(golden / "ajbrock_biggan_32.npz").items()}
    images = generator(wanted["z"], wanted["label"])
    assert (images - wanted["image"]).abs().max() < 1e-4 * wanted["image"].std()
    assert generator.latent_ranges == {"coarse": (0, 8), "mid": (8, 24), "fine": (24, 32)}
    assert (generator.source_facts.origin, generator.num_classes) == ("ajbrock", 6)


@pytest.mark.parametrize("hierarchical", [True, False], ids=["hierarchical", "flat"])
@pytest.mark.parametrize("spectral", [True, False], ids=["spectral-norm", "plain"])
def test_a_state_dict_makes_the_same_image(hierarchical, spectral, tmp_path):
    generator = normalized(tiny_biggan(hierarchical))
    assert_same(load_generator(save(ajbrock_biggan(generator, spectral), tmp_path / "G_ema.pth")), generator)


@pytest.mark.parametrize("place", ["g_ema", "state_dict"])
def test_a_state_dict_inside_another_file_and_behind_data_parallel_is_found(place, tmp_path):
    state = {f"module.{name}": tensor for name, tensor in ajbrock_biggan(tiny_biggan(), spectral=False).items()}
    found = load_generator(save({place: state, "epoch": 3, "G": {}}, tmp_path / "model.pth"))
    assert_same(found, tiny_biggan())
    assert found.source_facts.holds == (place,)


@pytest.mark.parametrize(
    ("before", "after"), [("stored_", "bn.stored_"), ("stored_", "bn.running_")], ids=["own", "synchronized"]
)
def test_the_statistics_of_other_batch_norms_are_read(before, after, tmp_path):
    state = {name.replace(before, after): t for name, t in ajbrock_biggan(tiny_biggan(), spectral=False).items()}
    for name in [name for name in state if name.endswith("mean")]:
        extra = "num_batches_tracked" if "running" in after else "accumulation_counter"
        state[f"{name.rpartition('.')[0]}.{extra}"] = torch.zeros([1])
    assert_same(load_generator(save(state, tmp_path / "G.pth")), tiny_biggan())


def test_more_pairs_of_singular_vectors_change_nothing(tmp_path):
    generator = normalized(tiny_biggan())
    state = ajbrock_biggan(generator)
    state |= {"linear.u1": torch.ones(1, 128), "linear.sv1": torch.ones(1)}
    assert_same(load_generator(save(state, tmp_path / "G.pth")), generator)


def test_a_start_of_any_size_is_read(tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = BigGAN([8, 4], 3, 4, 4, first_resolution=6, image_channels=1)
    found = load_generator(save(ajbrock_biggan(generator, spectral=False), tmp_path / "G.pth"))
    assert (found.resolution, found.image_channels) == (12, 1)
    assert_same(found, generator)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("linear.bias"), "read as BigGAN-PyTorch's BigGAN: the tensor 'linear.bias' is missing"),
        (lambda s: s.pop("blocks.1.0.bn2.gain.weight"), r"'blocks\.1\.0\.bn2\.gain\.weight' .* missing"),
        (lambda s: s.pop("blocks.1.0.conv_sc.weight"), r"'blocks\.1\.0\.conv_sc\.weight' .* missing"),
        (lambda s: s.pop("blocks.0.1.theta.weight"), r"'blocks\.0\.1\.theta\.weight' .* missing"),
        (lambda s: s.pop("output_layer.0.stored_mean"), r"'output_layer\.0\.stored_mean' .* missing"),
        (lambda s: s.pop("blocks.0.1.gamma"), "unknown tensors"),
        (lambda s: s.update({"shared_feat.weight": torch.ones(2, 2)}), "unknown tensors .*shared_feat"),
        (
            lambda s: s.update({"blocks.0.0.conv4.weight": torch.ones(8, 8, 1, 1)}),
            "BigGAN-deep of BigGAN-PyTorch, which is not",
        ),
        (lambda s: s.update({"blocks.0.0.conv1.weight": 0}), "read as a DCGAN"),
        (lambda s: s.update({"linear.weight": torch.ones(130, 3)}), "130 values, which are not a square image"),
        (lambda s: s.update({"linear.weight": torch.ones(128)}), "with 2 dimensions"),
        (lambda s: s.update({"linear.u0": torch.ones(1, 3)}), r"one value for each output of \(128, 3\), it has \(1, 3\)"),
        (lambda s: s.update({"linear.u0": torch.zeros(1, 128)}), "'linear.weight' holds values that are not finite"),
        (lambda s: s.update({"linear.bias": torch.full((128,), torch.nan)}), "not finite"),
        (lambda s: s.update({"shared.weight": torch.ones(3, 5)}), r"should have the shape"),
        (lambda s: s.update({"blocks.0.0.bn1.gain.weight": torch.ones(8)}), "with 2 dimensions"),
        (lambda s: s.update({"blocks.1.0.conv1.weight": torch.ones(8, 9, 3, 3)}), r"should have the shape \(8, 8, 3, 3\)"),
        (lambda s: s.update({"blocks.1.0.conv2.weight": torch.ones(8, 8, 1, 1)}), r"should have the shape \(8, 8, 3, 3\)"),
        (lambda s: s.update({"output_layer.2.weight": torch.ones(99, 8, 3, 3)}), "image_channels must be"),
        (lambda s: s.update({"shared.weight": torch.ones(1).expand(200_000, 4).clone()}), "num_classes must be"),
        (lambda s: s.update({f"blocks.{i}.0.conv1.weight": torch.ones(1, 1, 1, 1) for i in range(30)}), "doubled 30 times"),
        (lambda s: s.update({"output_layer.0.bn.accumulation_counter": torch.ones(1)}), "accumulated standing statistics"),
    ],
)
def test_tensors_of_another_architecture_are_refused_by_name(change, words, tmp_path):
    state = ajbrock_biggan(tiny_biggan(), spectral=False)
    change(state)
    with pytest.raises(CheckpointError, match=words):
        load_generator(save(state, tmp_path / "G.pth"))


def test_tensors_that_share_their_values_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "SLACK", 0)
    state = ajbrock_biggan(tiny_biggan(), spectral=False)
    shared = torch.zeros(max(tensor.numel() for tensor in state.values()))
    state = {name: shared[: tensor.numel()].view(tensor.shape) for name, tensor in state.items()}
    with pytest.raises(CheckpointError, match="share their values, no generator's do: refused"):
        load_generator(save(state, tmp_path / "G.pth"))


def test_a_discriminator_is_no_generator(tmp_path):
    state = {"blocks.0.conv1.weight": torch.ones(1), "linear.weight": torch.ones(1, 8), "embed.weight": torch.ones(3, 8)}
    with pytest.raises(CheckpointError, match="torch file of a family that is not read"):
        load_generator(save(state, tmp_path / "D.pth"))


def test_the_estimate_is_one_power_step_from_the_stored_vector():
    weight = torch.diag(torch.tensor([3.0, 1.0]))
    assert torch.allclose(divided_by_estimate(weight, torch.tensor([[1.0, 0.0]])), weight / 3)
    # v = (3, 1) / √10 and W v = (9, 1) / √10, whose length is the estimate
    assert torch.allclose(divided_by_estimate(weight, torch.tensor([[1.0, 1.0]])), weight / (82 / 10) ** 0.5)


def test_a_convolution_is_a_matrix_of_one_row_for_each_output():
    weight = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    largest = torch.linalg.matrix_norm(weight.flatten(1), ord=2)
    left = torch.linalg.svd(weight.flatten(1)).U[:, :1].T
    torch.testing.assert_close(divided_by_estimate(weight, left), weight / largest)
