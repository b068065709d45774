import sys
import types
from typing import final
from urllib.error import URLError

import pytest
import torch

from orojar_finetune.measures.distances import DISTANCES, PixelDistance, at_size, load_distance


def test_from_black_to_white_pixels_are_1_apart():
    black = torch.full((2, 3, 4, 4), -1.0)
    assert load_distance("pixels")(black, -black).tolist() == [1, 1]
    assert load_distance("pixels")(black, black).tolist() == [0, 0]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_are_averaged_over_all_of_an_image(channels):
    one = torch.zeros(2, channels, 4, 4)
    other = one.clone()
    other[1, 0, 0, 0] = 0.5
    found = PixelDistance()(one, other)
    torch.testing.assert_close(found, torch.tensor([0, 0.25 * 0.25 / (16 * channels)]))


def test_values_beyond_the_range_are_counted():
    one = torch.ones(1, 1, 2, 2)
    assert PixelDistance()(one, 3 * one).item() == 1


def test_images_are_brought_to_one_size():
    large = torch.arange(64.0).view(1, 1, 8, 8)
    torch.testing.assert_close(at_size(large, 4)[0, 0, 0, 0], large[0, 0, :2, :2].mean())
    assert torch.equal(at_size(large, 8), large)
    assert at_size(large, 16).shape == (1, 1, 16, 16)


def test_unknown_distances_are_answered_with_those_there_are():
    with pytest.raises(ValueError, match="one of pixels, lpips, got 'ssim'"):
        load_distance("ssim")
    assert list(DISTANCES) == ["pixels", "lpips"]


def test_lpips_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ValueError, match="pip install lpips torchvision, or choose another distance: pixels"):
        load_distance("lpips")


def test_lpips_beside_a_torchvision_of_another_torch_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", types.ModuleType("lpips"))
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(ValueError, match="a torchvision that fits this torch"):
        load_distance("lpips")


def test_lpips_without_its_weights_says_where_to_put_them(monkeypatch):
    fake_lpips(monkeypatch)

    def unreachable(url: str, **kwargs) -> None:
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(
        ValueError, match=r"https://example\.org/vgg16\.pth .*no route.*checkpoints, or choose another distance"
    ):
        load_distance("lpips")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lpips_sees_rgb_at_one_size_and_only_after_a_restricted_load(monkeypatch, channels):
    seen = fake_lpips(monkeypatch)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda _, **kwargs: seen.append(kwargs["weights_only"]))
    found = load_distance("lpips")(torch.zeros(2, channels, 8, 8), torch.full((2, channels, 8, 8), 2.0))
    assert seen == [True, "made"]
    assert found.tolist() == [2, 2]


def fake_lpips(monkeypatch) -> list:
    """The package as far as it is used, and what happened to it."""
    happened = []

    @final
    class LPIPS(torch.nn.Module):
        def __init__(self, net: str, verbose: bool) -> None:
            super().__init__()
            assert net == "vgg" and not verbose
            happened.append("made")

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            assert a.shape == b.shape == (2, 3, 256, 256)
            return (b - a).mean(dim=(1, 2, 3), keepdim=True)

    package, torchvision, models = (types.ModuleType(name) for name in ("lpips", "torchvision", "torchvision.models"))
    package.LPIPS = LPIPS
    weights = types.SimpleNamespace(url="https://example.org/vgg16.pth")
    models.VGG16_Weights = types.SimpleNamespace(IMAGENET1K_V1=weights)
    for name, module in (("lpips", package), ("torchvision", torchvision), ("torchvision.models", models)):
        monkeypatch.setitem(sys.modules, name, module)
    return happened
