import sys
import types
from urllib.error import URLError

import pytest
import torch
from torch.nn import functional as F

from orojar_finetune.measures.features import FEATURES, RandomFeatures, load_features, to_rgb
from orojar_finetune.measures.frechet import Moments, frechet_distance
from orojar_finetune.scenes.rendering import FACTORS, render, sample_factors

OFFLINE = [name for name in FEATURES if name != "inception"]


def scenes(count: int, seed: int = 0, resolution: int = 32) -> torch.Tensor:
    return render(sample_factors(count, torch.Generator().manual_seed(seed)), resolution)


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [16, 64, 100])
def test_images_of_any_size_and_kind_have_features(name, channels, size):
    images = torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = load_features(name)(images)
    assert found.ndim == 2 and found.shape[0] == 2 and found.isfinite().all()
    assert not found.requires_grad


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.parametrize("changed", ["paler", "blurred", "all on the left"])
def test_features_tell_other_images_from_more_of_the_same(name, changed):
    extract = load_features(name)
    factors = sample_factors(500, torch.Generator().manual_seed(1))
    if changed == "all on the left":
        factors[:, FACTORS.index("x")] *= 0.5
    other = render(factors, 64)
    if changed == "paler":
        other = other * 0.7
    if changed == "blurred":
        other = F.avg_pool2d(other, 5, stride=1, padding=2, count_include_pad=False)
    reference = Moments.of(extract(scenes(500, resolution=64)))
    same = frechet_distance(reference, Moments.of(extract(scenes(500, seed=1, resolution=64))))
    assert frechet_distance(reference, Moments.of(extract(other))) > 1.2 * same


@pytest.mark.parametrize("name", OFFLINE)
def test_features_do_not_depend_on_the_batch(name):
    extract = load_features(name)
    images = scenes(5)
    apart = torch.cat([extract(part) for part in images.split(2)])
    torch.testing.assert_close(extract(images), apart, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", OFFLINE)
def test_values_beyond_the_range_are_clamped(name):
    extract = load_features(name)
    images = scenes(2) * 1.5
    torch.testing.assert_close(extract(images), extract(images.clamp(-1, 1)))


def test_random_weights_are_the_same_every_time():
    torch.manual_seed(1)
    one = RandomFeatures()
    torch.manual_seed(2)
    for a, b in zip(one.kernels, RandomFeatures().kernels, strict=True):
        assert torch.equal(a, b)


def test_random_features_keep_their_scale_through_the_layers():
    found = load_features("random")(scenes(16, resolution=64))
    deviations = found.split([32, 32, *[64] * 7], dim=1)[1:8:2]
    means = [part.mean().item() for part in deviations]
    assert max(means) < 10 * min(means)


def test_gray_is_repeated_and_alpha_is_left_out():
    gray = torch.rand(1, 1, 2, 2)
    assert torch.equal(to_rgb(gray), torch.cat([gray] * 3, dim=1))
    assert torch.equal(to_rgb(torch.cat([gray] * 4, dim=1)), to_rgb(gray))
    with pytest.raises(ValueError, match="1, 3 or 4 channels, got 2"):
        to_rgb(torch.rand(1, 2, 2, 2))


def test_unknown_features_are_answered_with_those_there_are():
    with pytest.raises(ValueError, match="one of scenes, random, inception, or module:function for your own, got 'vgg'"):
        load_features("vgg")


def test_inception_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(
        ValueError, match=r"pip install 'orojar-finetune\[fidelity\]', or choose other features: scenes, random"
    ):
        load_features("inception")


def test_inception_without_its_weights_says_where_to_put_them(monkeypatch):
    fake_fidelity(monkeypatch)

    def unreachable(url: str, **kwargs) -> None:
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(ValueError, match=r"https://example\.org/inception\.pth .*no route.*checkpoints, or choose other"):
        load_features("inception")


def test_inception_is_given_bytes_and_only_after_a_restricted_load(monkeypatch):
    seen = fake_fidelity(monkeypatch)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda _, **kwargs: seen.append(kwargs["weights_only"]))
    found = load_features("inception")(torch.tensor([-2.0, 0.0, 1.0]).view(1, 3, 1, 1))
    assert seen == [True, "made"]
    assert found.tolist() == [[0, 128, 255]]


@pytest.fixture
def own(monkeypatch):
    """A module `own` that Python can import, with what a test puts into it."""
    module = types.ModuleType("own")
    monkeypatch.setitem(sys.modules, "own", module)
    return module


class Corners(torch.nn.Module):
    """The mean color of the corner at the top left, after a convolution that would learn."""

    def __init__(self, size: int = 8) -> None:
        super().__init__()
        self.size, self.colors = size, torch.nn.Conv2d(3, 3, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.colors(images[:, :, : self.size, : self.size]).mean(dim=(2, 3))


def test_ones_own_network_gives_features_frozen_of_rgb_within_the_range(own):
    own.corners = Corners
    extract = load_features("own:corners")
    assert not any(p.requires_grad for p in extract.parameters()) and not extract.training
    gray = torch.full((2, 1, 16, 16), 3.0)
    torch.testing.assert_close(extract(gray), extract.network(torch.ones(2, 3, 16, 16)))


@pytest.mark.parametrize(
    ("name", "made", "words"),
    [
        ("nowhere:corners", None, r"'nowhere:corners' could not be imported \(No module named 'nowhere'\).*PYTHONPATH"),
        ("own:edges", None, "module 'own' has no attribute 'edges'"),
        ("own:made", lambda: print, "must make a torch.nn.Module, got a builtin"),
    ],
)
def test_what_is_no_network_is_answered_with_what_to_type(own, name, made, words):
    if made is not None:
        own.made = made
    with pytest.raises(ValueError, match=words):
        load_features(name)


def test_feature_maps_are_no_features(own):
    own.maps = lambda: torch.nn.Conv2d(3, 2, 3)
    with pytest.raises(ValueError, match=r"'own:maps' must give one vector per image, 4 x width, got \(4, 2, 6, 6\)"):
        load_features("own:maps")(torch.rand(4, 3, 8, 8))


def fake_fidelity(monkeypatch) -> list:
    """torch-fidelity as far as it is used, and what happened to it."""
    happened = []

    class FeatureExtractorInceptionV3(torch.nn.Module):
        def __init__(self, name: str, features_list: list[str]) -> None:
            super().__init__()
            assert features_list == ["2048"]
            happened.append("made")

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
            assert images.dtype == torch.uint8
            return (images.flatten(1).float(),)

    package = types.ModuleType("torch_fidelity")
    module = types.ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.URL_INCEPTION_V3 = "https://example.org/inception.pth"
    module.FeatureExtractorInceptionV3 = FeatureExtractorInceptionV3
    package.feature_extractor_inceptionv3 = module
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", module)
    return happened
