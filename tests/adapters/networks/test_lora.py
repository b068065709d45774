"""Low-rank adapters: folded into the weights they do what peft does beside the weights."""

import copy
import dataclasses

import peft
import pytest
import torch
from torch import nn

from orojar_adapters.networks.lora import Adapter
from orojar_adapters.ops.linear import EqualizedLinear
from tiny import tiny_adapter


@pytest.fixture
def generator(generator):
    """A tiny generator of each family that has modulation layers."""
    if not generator.tunable.get("affine"):
        pytest.skip(f"a {generator.family} has no layers for an adapter")
    return generator


def with_peft(generator, adapter):
    """The generator with the adapter beside its weights."""
    config = peft.LoraConfig(r=adapter.rank, lora_alpha=adapter.alpha, target_modules=list(adapter.factors))
    found = peft.inject_adapter_in_model(config, copy.deepcopy(generator))
    with torch.no_grad():
        for name, (down, up) in adapter.factors.items():
            found.get_submodule(name).lora_A["default"].weight.copy_(down)
            found.get_submodule(name).lora_B["default"].weight.copy_(up)
    return found.to(generator.dtype).eval()


def images(generator):
    z = torch.randn(4, generator.latent_size, generator=torch.Generator().manual_seed(0)).to(generator.dtype)
    labels = torch.arange(4) % generator.num_classes if generator.num_classes else None
    with torch.no_grad():
        return generator(z, labels)


@pytest.mark.parametrize(("rank", "alpha"), [(1, 1.0), (3, 5.0), (20, 2.5)])
def test_images_of_the_folded_generator_are_those_of_peft(generator, rank, alpha):
    generator, adapter = generator.double(), tiny_adapter(generator, rank=rank, alpha=alpha)
    beside, before = images(with_peft(generator, adapter)), images(generator)
    adapter.fold_into(generator)
    scale = beside.abs().max()
    assert (before - beside).abs().max() > 0.05 * scale
    torch.testing.assert_close(images(generator) / scale, beside / scale, atol=1e-5, rtol=0)


def test_a_folded_generator_is_an_ordinary_one(generator, tmp_path):
    modules = [type(module) for module in generator.modules()]
    tiny_adapter(generator).fold_into(generator)
    assert [type(module) for module in generator.modules()] == modules
    assert all(p.requires_grad and p.dtype == torch.float32 for p in generator.parameters())
    generator.save_pretrained(tmp_path)
    assert torch.equal(images(type(generator).from_pretrained(tmp_path)), images(generator))


def test_weights_that_are_not_named_stay(generator):
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    tiny_adapter(generator).fold_into(generator)
    moved = {name for name, value in generator.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {f"{name}.weight" for name in generator.tunable["affine"]}


@pytest.mark.parametrize("layer", [nn.Linear(5, 3), EqualizedLinear(5, 3), EqualizedLinear(5, 3, lr_multiplier=0.01)])
def test_each_kind_of_linear_layer_puts_out_that_much_more(layer):
    draws = torch.Generator().manual_seed(0)
    down, up, x = (torch.randn(shape, generator=draws) for shape in ((2, 5), (3, 2), (7, 5)))
    before = layer(x)
    Adapter(None, None, 2, 3.0, {"0": (down, up)}).fold_into(nn.Sequential(layer))
    torch.testing.assert_close(layer(x), before + 1.5 * x @ down.T @ up.T, atol=1e-5, rtol=1e-5)


class Doubled(nn.Linear):
    def forward(self, input):
        return super().forward(2 * input)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Conv2d(5, 3, 1), "changes '0', which is not a linear layer of this Sequential"),
        (nn.Identity(), "changes '0', which is not a linear layer"),
        (Doubled(5, 3), "changes '0': it is not known what Doubled does"),
        (EqualizedLinear(5, 3, lrelu=True), "changes '0': .* after its leaky ReLU"),
        (nn.Linear(6, 3), "changes '0' by 3 x 5 values, its weight has 3 x 6"),
        (nn.Linear(5, 4), "changes '0' by 3 x 5 values, its weight has 4 x 5"),
    ],
)
def test_a_layer_that_no_change_fits_is_named(layer, words):
    adapter = Adapter(None, None, 1, 1.0, {"0": (torch.ones(1, 5), torch.ones(3, 1))})
    with pytest.raises(ValueError, match=words):
        adapter.fold_into(nn.Sequential(layer))


def test_a_layer_that_is_not_there_and_a_change_that_is_too_large_are_named(generator):
    adapter = tiny_adapter(generator)
    layer, (down, up) = next(iter(adapter.factors.items()))
    for wrong in ("synthesis.b8", "", "synthesis.b1024.conv0.affine", "device"):
        with pytest.raises(ValueError, match=f"changes '{wrong}', which is not a linear layer of this"):
            dataclasses.replace(adapter, factors={wrong: (down, up)}).fold_into(generator)
    with pytest.raises(ValueError, match="its weight is NaN or infinite"):
        dataclasses.replace(adapter, factors={layer: (down * 1e30, up * 1e30)}).fold_into(generator)


ONE = torch.ones(2, 5), torch.ones(3, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rank": 0}, "the rank must be a whole number from 1 to 8192, got 0"),
        ({"rank": 10**3000}, "the rank must be .*, got 1000"),
        ({"rank": 3}, "A and B of 'a' must be 3 x in and out x 3"),
        ({"alpha": 0.0}, "alpha must lie above 0, up to 1000000, got 0"),
        ({"alpha": -1.0}, "alpha must lie above 0"),
        ({"alpha": float("nan")}, "alpha must lie above 0"),
        ({"alpha": float("inf")}, "alpha must lie above 0"),
        ({"factors": {}}, "must change at least one layer"),
        ({"factors": {"a": (torch.ones(2), torch.ones(3, 2))}}, "must be 2 x in and out x 2"),
        ({"factors": {"a": (torch.ones(2, 5), torch.ones(3, 4))}}, "must be 2 x in and out x 2"),
        ({"factors": {"a": (torch.ones(2, 5).int(), ONE[1])}}, "must hold floating-point values, one holds torch.int32"),
        ({"factors": {"a": (ONE[0], ONE[1] * torch.nan)}}, "A or B of 'a' holds values that are NaN"),
    ],
)
def test_an_adapter_checks_itself(changes, words):
    with pytest.raises(ValueError, match=words):
        Adapter(**({"base": None, "revision": None, "rank": 2, "alpha": 2.0, "factors": {"a": ONE}} | changes))
