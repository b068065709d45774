"""Folders of pytorch-pretrained-biggan: here and on the Hub, read correctly or refused by name."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HTTPError
from torch import nn

from foreign_biggan import hugging_face_biggan_deep, hugging_face_config, normalized, save_biggan_deep
from orojar_adapters import CheckpointError, load_generator, open_source
from orojar_adapters.readers.biggan_deep import divided_by_stored
from tiny import tiny_biggan_deep, tiny_stylegan2


def written(folder: Path, spectral: bool = False, zipped: bool = True, **changes) -> Path:
    generator = normalized(tiny_biggan_deep())
    config = hugging_face_config(generator) | changes
    return save_biggan_deep(folder, config, hugging_face_biggan_deep(generator, spectral), zipped)


def assert_same(found) -> None:
    wanted = normalized(tiny_biggan_deep())
    z = wanted.sample_latents(3, torch.Generator().manual_seed(0))
    for truncation in (1.0, 0.4, 0.7):
        theirs, ours = (generator(z, torch.arange(3), truncation).detach() for generator in (found, wanted))
        torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-5)


def test_the_original_codes_images_are_reproduced(golden):
    generator = load_generator(golden / "hf_biggan_deep_32")
    wanted = {name: torch.from_numpy(array) for name, array in np.load(golden / "hf_biggan_deep_32.npz").items()}
    images = generator(wanted["z"], wanted["label"], truncation=wanted["truncation"].item())
    assert (images - wanted["image"]).abs().max() < 1e-4 * wanted["image"].std()
    assert (generator.source_facts.origin, generator.source_facts.file) == ("pytorch-pretrained-biggan", "pytorch_model.bin")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-zip"])
@pytest.mark.parametrize("spectral", [True, False], ids=["spectral-norm", "plain"])
def test_a_folder_makes_the_same_image(spectral, zipped, tmp_path):
    assert_same(load_generator(written(tmp_path / "model", spectral, zipped)))


def test_attention_behind_the_last_block_is_none(tmp_path):
    state = {name: t for name, t in hugging_face_biggan_deep(tiny_biggan_deep(), False).items() if "layers.2." not in name}
    for i in (3, 4):  # without the attention the last blocks move up
        state = {name.replace(f"layers.{i}.", f"layers.{i - 1}."): tensor for name, tensor in state.items()}
    config = hugging_face_config(tiny_biggan_deep()) | {"attention_layer_position": 4}
    found = load_generator(save_biggan_deep(tmp_path / "model", config, state))
    assert found.config["attention"] == []


def test_a_repository_on_the_hub_gives_the_generator_and_fetches_nothing_else(hub, tmp_path, monkeypatch, caplog):
    folder, repo, api = written(tmp_path / "model", spectral=True), "tester/biggan-deep", HfApi()
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "other.pt").write_bytes(b"large")
    api.create_repo(repo)
    api.upload_folder(folder_path=folder, repo_id=repo)
    found = load_generator(repo)
    assert_same(found)
    assert (found.source_facts.license, found.source_facts.revision) == ("mit", api.model_info(repo).sha)

    def unreachable(*args, **options):
        raise HTTPError("connection refused")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with caplog.at_level(logging.WARNING):
        assert_same(load_generator(repo))
    assert "from the local cache" in caplog.text
    assert {path.name for path in open_source(repo).path.iterdir()} == {"config.json", "pytorch_model.bin", "README.md"}


def test_another_model_of_these_two_files_is_not_taken_for_one(hub, tmp_path):
    save_biggan_deep(tmp_path / "model", {"architectures": ["Bert"]}, {"a": torch.ones(1)})
    HfApi().create_repo("tester/bert")
    HfApi().upload_folder(folder_path=tmp_path / "model", repo_id="tester/bert")
    for source in (tmp_path / "model", "tester/bert"):
        with pytest.raises(CheckpointError, match=r"pytorch_model\.bin is a torch file of a family that is not read"):
            load_generator(source)


def test_a_folder_of_ours_beside_foreign_weights_is_ours(tmp_path):
    written(tmp_path)
    tiny_stylegan2().save_pretrained(tmp_path)
    assert load_generator(tmp_path).family == "stylegan2"


def test_the_weights_alone_ask_for_their_folder(tmp_path):
    folder = written(tmp_path / "model")
    with pytest.raises(CheckpointError, match=r"BigGAN-deep without its config\.json \(give the folder that holds both\)"):
        load_generator(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": []}, "its layers must be a list of"),
        ({"layers": "x"}, "its layers must be a list of .* they are 'x'"),
        ({"layers": [[True, 16]]}, "its layers must be a list of"),
        ({"layers": [[True, 16, 10**9]]}, "its layers must be a list of"),
        ({"layers": [[True, 16, 8], [True, 4, 1]]}, "begin as wide as the one before ended"),
        ({"layers": [[True, 16, 8]]}, "the last ends at 1"),
        ({"layers": [[True, 16, 16]] * 65 + [[True, 16, 1]]}, "its layers must be a list of 1 to 64 times"),
        ({"channel_width": 4.0}, "must be numbers, got 4.0"),
        ({"channel_width": 10**9}, "channels must be|block 0"),
        ({"attention_layer_position": None}, "must be numbers, got 4, None"),
        ({"attention_layer_position": 0}, "attention before its first layer"),
        ({"attention_layer_position": 1}, "missing"),
        ({"z_dim": 10**9}, "latent_size must be"),
        ({"z_dim": 7}, "should have the shape"),
        ({"num_classes": 10**9}, "num_classes must be a whole number"),
        ({"n_stats": 51}, "should have the shape"),
        ({"eps": 0}, "norm_eps must be"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(changes, words, tmp_path):
    with pytest.raises(CheckpointError, match=words):
        load_generator(written(tmp_path / "model", **changes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda s: s.pop("embeddings.weight"),
            "pytorch-pretrained-biggan's BigGAN-deep: the tensor 'embeddings.weight' is missing",
        ),
        (lambda s: s.pop("generator.gen_z.weight_u"), r"'generator\.gen_z\.weight_u' .* missing"),
        (lambda s: s.pop("generator.gen_z.weight_orig"), r"'generator\.gen_z\.weight' .* missing"),
        (lambda s: s.pop("generator.gen_z.bias"), r"does not hold the state dict of a BigGAN-deep"),
        (lambda s: s.pop("generator.layers.3.bn_2.running_vars"), r"layers\.3\.bn_2\.running_vars' .* missing"),
        (lambda s: s.pop("generator.layers.2.gamma"), r"'generator\.layers\.2\.gamma' .* missing"),
        (lambda s: s.update({"generator.gen_z.weight_v": torch.ones(2)}), r"shapes \(1024,\) and \(2,\), which do not fit"),
        (lambda s: s.update({"generator.gen_z.weight_v": torch.zeros(12)}), "not finite"),
        (lambda s: s.update({"generator.conv_to_rgb.bias": torch.tensor(1.0)}), "with 1 dimensions"),
        (lambda s: s.update({"generator.conv_to_rgb.bias": torch.ones(2)}), r"should have the shape \(3,\)"),
        (lambda s: s.update({"generator.more": torch.ones(2)}), "unknown tensors"),
        (lambda s: s.update({"embeddings.weight": torch.full((6, 3), torch.inf)}), "not finite"),
    ],
)
def test_tensors_of_another_architecture_are_refused_by_name(change, words, tmp_path):
    generator = tiny_biggan_deep()
    state = hugging_face_biggan_deep(generator)
    change(state)
    with pytest.raises(CheckpointError, match=words):
        load_generator(save_biggan_deep(tmp_path / "model", hugging_face_config(generator), state))


@pytest.mark.parametrize("data", [b"", b"junk" * 100, b"PK\3\4", b"\x80\x02"])
def test_damaged_weights_are_refused(data, tmp_path):
    folder = written(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"damaged or cut short|expected a file written by torch\.save"):
        load_generator(folder)


@pytest.mark.parametrize("layer", [nn.Linear(5, 4), nn.Conv2d(2, 4, 3)], ids=["linear", "convolution"])
def test_stored_vectors_give_what_torch_gives_in_evaluation(layer):
    layer = nn.utils.spectral_norm(layer, n_power_iterations=2).eval()
    x = torch.ones(1, 5) if isinstance(layer, nn.Linear) else torch.ones(1, 2, 3, 3)
    layer(x)  # sets the weight
    state = layer.state_dict()
    found = divided_by_stored(state["weight_orig"], state["weight_u"], state["weight_v"])
    torch.testing.assert_close(found, layer.weight)
