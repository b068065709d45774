"""DCGANs by many authors, read by the shapes of their layers alone."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from foreign_dcgan import Stack, blocks_without_padding, final_convolution, small_gan, tutorial
from orojar_adapters import CheckpointError, load_generator

STACKS = {
    "tutorial": tutorial,
    "net": lambda: tutorial("net", image_channels=1),
    "biases": lambda: tutorial("layers", image_channels=4, bias=True),
    "28-pixels": lambda: blocks_without_padding([3, 4, 3, 4], [2, 1, 2, 2]),
    "64-pixels": lambda: blocks_without_padding([3, 3, 3, 3, 4], [2] * 5),
    "final-convolution": final_convolution,
    "small-gan": small_gan,
    "small-gan-first-norm": lambda: small_gan(first_norm=True, image_channels=3),
    "small-gan-batch-norm": lambda: small_gan(norm="batchnorm"),
}


def save(value, path: Path) -> Path:
    torch.save(value, path)
    return path


def assert_same(found, stack: Stack) -> None:
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    wanted = stack(z).detach()
    torch.testing.assert_close(found(z).detach(), wanted, rtol=1e-4, atol=1e-5)
    assert wanted.std() > 0.05


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_stack_of_torchs_own_layers_makes_the_same_image(stack, tmp_path):
    found = load_generator(save(stack().state_dict(), tmp_path / "netG.pth"))
    assert_same(found, stack())
    assert found.source_facts.holds == ("state dict",)


def test_the_authors_own_generators_are_told_by_their_names(tmp_path):
    for stack, origin in ((small_gan, "csyxwei"), (tutorial, "dcgan")):
        assert load_generator(save(stack().state_dict(), tmp_path / "netG.pth")).source_facts.origin == origin


@pytest.mark.parametrize("place", ["netG_state_dict", "gen", "netG", "Generator weights"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_state_dict_inside_a_training_state_is_found(place, prefix, tmp_path):
    discriminator = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 1, 4, 1, 0))
    state = {prefix + name: tensor for name, tensor in tutorial().state_dict().items()}
    found = load_generator(save({"epoch": 3, "netD": discriminator.state_dict(), place: state}, tmp_path / "checkpoint.tar"))
    assert_same(found, tutorial())
    assert found.source_facts.holds == (place, "netD")


def without(*endings: str):
    def change(state: dict[str, Tensor]) -> None:
        for name in [name for name in state if name.endswith(endings)]:
            del state[name]

    return change


def moved_last(name: str):
    return lambda state: state.update({name: state.pop(name)})


@pytest.mark.parametrize(
    ("stack", "change", "words"),
    [
        (tutorial, without("running_mean", "running_var"), "'main.1' has no running_mean: batch norm without stored"),
        (tutorial, without("1.running_var"), "read as a DCGAN: the tensor 'main.1.running_var' is missing"),
        (small_gan, without("instancenorm.bias"), r"'layers\.1\.layers\.instancenorm\.bias' .* missing"),
        (tutorial, lambda s: s.update({"main.1.running_mean": torch.ones(13)}), r"should have the shape \(12,\)"),
        (tutorial, lambda s: s.update({"main.1.weight": torch.ones(12, 1)}), "with 1 dimensions"),
        (tutorial, lambda s: s.update({"main.0.bias": torch.ones(3)}), r"'synthesis\.0\.conv\.bias' should have the shape"),
        (tutorial, lambda s: s.update({"main.7.weight": torch.ones(9)}), r"has no running_mean"),
        (
            tutorial,
            lambda s: s.update({"label.table": torch.ones(9, 2)}),
            r"at most one norm after it, found 'label' with \['table'\]",
        ),
        (tutorial, lambda s: s.update({"main.4.extra": torch.ones(9)}), r"found 'main\.4' with"),
        (tutorial, lambda s: s.update({"main.3.extra": torch.ones(9)}), r"unknown tensors \['main\.3\.extra'\]"),
        (tutorial, moved_last("main.0.weight"), "family that is not read"),
        (tutorial, lambda s: s.update({"main.3.weight": torch.ones(12, 8, 4, 2)}), "kernel of 4 x 2 pixels, expected a square"),
        (
            tutorial,
            lambda s: s.update({"main.3.weight": torch.ones(12, 8, 5, 5)}),
            r"'main\.3' is a transposed convolution of 5 x 5, whose stride its file does not tell",
        ),
        (
            final_convolution,
            lambda s: s.update({"network.7.weight": torch.ones(3, 6, 4, 4)}),
            r"'network\.7' is a convolution of 4 x 4, whose stride its file does not tell",
        ),
        (
            tutorial,
            lambda s: s.update({"main.0.weight": torch.ones(5, 12, 17, 17)}),
            "kernel must be a whole number from 1 to 16",
        ),
        (tutorial, lambda s: s.update({"main.0.weight": torch.ones(20_000, 12, 1, 1)}), "latent_size must be"),
        (tutorial, lambda s: s.update({"main.0.weight": torch.full((5, 12, 4, 4), torch.nan)}), "not finite"),
        (
            tutorial,
            lambda s: s.update({f"up.{i}.weight": torch.ones(3, 3, 4, 4) for i in range(12)}),
            "stage 11 turns 4096 pixels into 8192; they must not shrink, nor exceed 4096",
        ),
        (
            tutorial,
            lambda s: s.update({f"up.{i}.weight": torch.ones(3, 3, 4, 4) for i in range(99)}),
            "stack of 102 convolutions, no DCGAN has more",
        ),
    ],
)
def test_other_stacks_are_refused_by_name(stack, change, words, tmp_path):
    state = dict(stack().state_dict())
    change(state)
    with pytest.raises(CheckpointError, match=words):
        load_generator(save(state, tmp_path / "netG.pth"))


def test_spectral_norm_is_named(tmp_path):
    layers = nn.Sequential(
        nn.utils.spectral_norm(nn.ConvTranspose2d(5, 8, 4)), nn.utils.spectral_norm(nn.ConvTranspose2d(8, 3, 4, 2, 1))
    )
    with pytest.raises(CheckpointError, match="kept under spectral norm, which is not read for a DCGAN"):
        load_generator(save(layers.state_dict(), tmp_path / "netG.pth"))


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(3, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 1, 4)],
        [nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 3, 3)],
        [nn.ConvTranspose2d(5, 8, 4), nn.ConvTranspose2d(8, 7, 4, 2, 1)],
        [nn.ConvTranspose2d(5, 8, 4), nn.ConvTranspose2d(9, 3, 4, 2, 1)],
        [nn.Linear(5, 8), nn.Linear(8, 3)],
    ],
    ids=["discriminator", "nothing-grows", "no-image", "broken-chain", "linear"],
)
def test_networks_that_lead_from_no_latent_to_no_image_are_of_no_family(layers, tmp_path):
    with pytest.raises(CheckpointError, match="family that is not read"):
        load_generator(save(nn.Sequential(*layers).state_dict(), tmp_path / "net.pth"))
