import pytest
import torch
from torch.nn import functional as F

from orojar_finetune.scenes.reader import EMBEDDING, WEIGHTS, load_reader
from orojar_finetune.scenes.rendering import FACTORS, render, sample_factors

FACTOR_VARIANCE = 1 / 12
ACCURACY = dict.fromkeys(FACTORS, 0.99) | {"rotation": 0.97, "shape": 0.97}


def explained(images: torch.Tensor, factors: torch.Tensor) -> dict[str, float]:
    """For each factor the share of its variance that the reader explains, R²."""
    errors = (load_reader()(images) - factors).square().mean(dim=0)
    return dict(zip(FACTORS, (1 - errors / FACTOR_VARIANCE).tolist(), strict=True))


@pytest.fixture(scope="module")
def factors() -> torch.Tensor:
    return sample_factors(512, torch.Generator().manual_seed(1234))


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_factors_are_read_off_fresh_scenes_of_any_resolution(factors, resolution):
    found = explained(render(factors, resolution), factors)
    assert {name: r2 for name, r2 in found.items() if r2 < ACCURACY[name]} == {}


def test_factors_are_read_off_blurred_and_noisy_scenes(factors):
    images = F.avg_pool2d(render(factors, 64), 3, stride=1, padding=1, count_include_pad=False)
    images = images + 0.03 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    assert min(explained(images, factors).values()) > 0.9


def test_the_errors_that_come_with_the_weights_are_those_of_fresh_scenes(factors):
    measured = (load_reader()(render(factors, 64)) - factors).square().mean(dim=0)
    torch.testing.assert_close(measured, load_reader().squared_errors, rtol=0.7, atol=0)


def test_features_begin_with_what_the_factors_are_read_from(factors):
    reader, images = load_reader(), render(factors[:4], 64)
    features = reader.features(images)
    assert features.shape == (4, EMBEDDING + 2 * (32 + 48 + 64))
    torch.testing.assert_close(reader.factors(features[:, :EMBEDDING]), reader(images))


def test_the_reader_is_loaded_once_frozen_and_in_full_precision():
    reader = load_reader()
    assert reader is load_reader()
    assert not reader.training
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in reader.parameters())


def test_gradients_reach_the_image():
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    load_reader()(images).sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


def test_the_weights_are_small_enough_to_bundle():
    assert WEIGHTS.stat().st_size <= 600_000
