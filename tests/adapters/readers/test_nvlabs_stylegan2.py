"""State dicts in NVlabs' names: what exports write is read back, bare, nested, from torch files and safetensors."""

import pytest
import torch
from safetensors.torch import save_file

from originals import assert_same_tensors
from orojar_adapters import CheckpointError, load_discriminator, load_generator
from orojar_adapters.writers import nvlabs
from orojar_finetune import write_export
from tiny import tiny_discriminator, tiny_stylegan2

MAKERS = {
    "plain": tiny_stylegan2,
    "conditional": lambda: tiny_stylegan2(num_classes=3),
    "gray, another width of z": lambda: tiny_stylegan2(image_channels=1, latent_size=6),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_an_export_is_read_back_as_it_was(tmp_path, make, ending):
    generator = make()
    written = write_export(tmp_path / f"g.{ending}", generator, "nvlabs")
    again = load_generator(written.paths[0])
    assert_same_tensors(again.state_dict(), generator.state_dict())
    assert again.source_facts.origin == "nvlabs-state-dict"
    z = generator.sample_latents(2, torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 2]) if generator.num_classes else None
    assert torch.equal(again(z, labels, truncation=0.7), generator(z, labels, truncation=0.7))


@pytest.mark.parametrize(
    ("wrap", "holds"),
    [
        (lambda state: {"G_ema": state, "G": {"synthesis.b4.conv1.affine.weight": torch.zeros(1)}, "step": 3}, ("G_ema", "G")),
        (lambda state: {"G": state}, ("G",)),
        (lambda state: {f"module.{name}": value for name, value in state.items()}, ("state dict",)),
        (lambda state: {name: value for name, value in state.items() if "filter" not in name}, ("state dict",)),
        (lambda state: {name: value.double() for name, value in state.items()}, ("state dict",)),
    ],
    ids=["averaged", "nested", "DataParallel", "no filters", "double precision"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_training_states_and_spellings_are_read(tmp_path, wrap, holds, zipped):
    generator = tiny_stylegan2()
    torch.save(wrap(nvlabs.generator_state(generator)), tmp_path / "g.pt", _use_new_zipfile_serialization=zipped)
    again = load_generator(tmp_path / "g.pt")
    assert_same_tensors(again.state_dict(), generator.state_dict())
    assert again.source_facts.holds == holds


def changed(name, value):
    state = nvlabs.generator_state(tiny_stylegan2())
    if value is None:
        del state[name]
        return state
    return state | {name: value}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("mapping.fc0.weight", None, "mapping.fc0.weight"),
        ("mapping.w_avg", None, "missing tensors \\['mapping.w_avg'\\]"),
        ("synthesis.b8.conv0.bias", torch.zeros(3), "should have the shape"),
        ("synthesis.b16.resample_filter", torch.ones(4, 4), "resampling filter"),
        ("more", torch.zeros(1), "unknown tensors \\['more'\\]"),
    ],
)
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_what_does_not_fit_is_refused_by_name(tmp_path, name, value, said, ending):
    state = {key: tensor.contiguous() for key, tensor in changed(name, value).items()}
    save = save_file if ending == "safetensors" else torch.save
    save(state, tmp_path / f"g.{ending}")
    with pytest.raises(CheckpointError, match=said):
        load_generator(tmp_path / f"g.{ending}")


def test_other_safetensors_files_still_ask_for_their_folder(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"without its config\.json"):
        load_generator(tmp_path / "x.safetensors")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("names", [("G", "D", "G_ema"), ("generator", "discriminator", "g_ema")])
def test_the_discriminator_beside_a_generator_is_read(names, zipped, tmp_path):
    generator, discriminator = tiny_stylegan2(num_classes=3), tiny_discriminator(num_classes=3)
    averaged, theirs = nvlabs.generator_state(generator), nvlabs.discriminator_state(discriminator)
    value = dict(zip(names, ({"x": torch.ones(1)}, theirs, averaged), strict=True))
    torch.save(value, tmp_path / "g.pt", _use_new_zipfile_serialization=zipped)
    assert_same_tensors(load_discriminator(tmp_path / "g.pt").state_dict(), discriminator.state_dict())
    facts = load_generator(tmp_path / "g.pt").source_facts
    assert facts.has_discriminator and facts.holds == (names[2], names[0], names[1])
