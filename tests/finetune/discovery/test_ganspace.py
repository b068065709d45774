import numpy as np
import pytest
import torch

from linear_features import LinearFeatures
from orojar_finetune import DiscoverConfig, discover
from orojar_finetune.discovery import ganspace
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import rng
from tiny import tiny_biggan, tiny_biggan_deep, tiny_dcgan, tiny_pggan, tiny_stylegan2

CONFIG = DiscoverConfig(method="ganspace", count=4, method_options={"samples": 1500})
SCALES = [1.0, 7.0, 2.0, 5.0, 3.0, 4.0]


def sampled(generator, space: str) -> torch.Tensor:
    """The latents of CONFIG: one whole batch and the rest."""
    batches = (LatentSpace(generator, space).sample(count, rng(0, "ganspace", i)) for i, count in enumerate((1024, 476)))
    return torch.cat([latents.values for latents in batches]).double()


def assert_same_lines(found: torch.Tensor, wanted: np.ndarray) -> None:
    """Row by row up to sign; the set sorts itself by activity, so rows are matched first."""
    cosines = np.abs(found.double().numpy() @ wanted.T)
    assert sorted(cosines.argmax(axis=1)) == list(range(len(wanted)))
    np.testing.assert_allclose(cosines.max(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_in_w_they_are_the_principal_components_of_numpy(num_classes):
    generator = tiny_stylegan2(num_classes=num_classes)
    found = discover(generator, CONFIG, progress=False)
    w = sampled(generator, "w")[:, 0].numpy()
    assert w.shape == (1500, 8)
    assert_same_lines(found.basis, np.linalg.svd(w - w.mean(axis=0), full_matrices=False)[2][:4])


@pytest.mark.parametrize("sketch", [256, 10])
def test_in_z_they_are_the_regression_on_principal_components_of_numpy(sketch, monkeypatch):
    """With a random sketch too, since 4 coordinates of z move the first features: their covariance has rank 4."""
    monkeypatch.setattr(ganspace, "SKETCH", sketch)
    generator = LinearFeatures(SCALES)
    found = discover(generator, CONFIG, progress=False)
    z = sampled(generator, "z").numpy()
    x = z[:, :4] @ generator.a.detach().double().numpy()[:, :4].T
    centered = x - x.mean(axis=0)
    coordinates = centered @ np.linalg.svd(centered, full_matrices=False)[2][:4].T
    regressed = np.linalg.lstsq(coordinates, z, rcond=None)[0]
    assert_same_lines(found.basis, np.linalg.qr(regressed.T)[0].T)


def test_a_sketch_finds_the_components_of_a_covariance_of_higher_rank():
    draws = torch.Generator().manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(60, 60, generator=draws, dtype=torch.float64))[0]
    covariance = vectors @ torch.diag(0.7 ** torch.arange(60)).double() @ vectors.T
    sketch = torch.randn(60, 30, generator=draws, dtype=torch.float64)
    found = ganspace.leading_components(covariance @ sketch, sketch, 3)
    torch.testing.assert_close((found.T @ vectors).abs(), torch.eye(3, 60).double(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_in_z_of_a_linear_generator_they_are_its_right_singular_vectors(num_classes):
    """Classes lie far apart, but no direction in z reaches from one to the other."""
    generator = LinearFeatures(SCALES, num_classes)
    found = discover(generator, CONFIG, samples=20_000, activations=(1,), batch_size=1024, progress=False)
    vh = torch.linalg.svd(generator.a.detach())[2]
    torch.testing.assert_close((found.basis @ vh.T).abs(), torch.eye(4, 6), atol=0.1, rtol=0)


@pytest.mark.parametrize(("part", "rows"), [("coarse", slice(0, 2)), ("fine", slice(4, 6))])
def test_a_part_of_z_has_the_components_of_what_it_moves(part, rows):
    """The first features know nothing of the fine part: those of the next layer are taken."""
    generator = LinearFeatures(SCALES, num_classes=2)
    found = discover(generator, CONFIG, count=2, part=part, samples=20_000, batch_size=1024, progress=False)
    vh = torch.linalg.svd(generator.a.detach()[:, rows])[2]
    torch.testing.assert_close((found.basis[:, rows] @ vh.T).abs(), torch.eye(2), atol=0.1, rtol=0)
    with pytest.raises(ValueError, match=r"of \(1,\), got \(0,\)"):
        discover(generator, CONFIG, count=2, part="fine", activations=(0,), progress=False)


def test_the_batch_size_does_not_change_the_directions():
    generator = LinearFeatures(SCALES)
    runs = [discover(generator, CONFIG, batch_size=size, progress=False).basis for size in (7, 512)]
    torch.testing.assert_close(runs[0], runs[1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("make", [tiny_biggan, tiny_biggan_deep, tiny_pggan, tiny_dcgan])
def test_every_family_without_w_has_orthonormal_directions_in_z(make):
    generator = make()
    found = discover(generator, CONFIG, samples=64, count=3, progress=False)
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(3), atol=1e-5, rtol=0)


def test_parts_of_biggan():
    generator = tiny_biggan()
    for part, (first, end) in generator.latent_ranges.items():
        found = discover(generator, CONFIG, samples=64, count=2, part=part, progress=False)
        outside = torch.ones(generator.latent_size, dtype=torch.bool)
        outside[first:end] = False
        assert not found.basis[:, outside].any()


def test_more_directions_than_components_are_refused():
    with pytest.raises(ValueError, match="there are 4 principal components, fewer than count, 5"):
        discover(LinearFeatures(SCALES), CONFIG, count=5, progress=False)


@pytest.mark.parametrize("name", ["z", "w+"])
def test_other_spaces_of_a_generator_with_w_are_refused(name):
    with pytest.raises(ValueError, match="choose the space w"):
        ganspace.find(LatentSpace(tiny_stylegan2(), name), CONFIG, Processes(progress=False))


@pytest.mark.parametrize(("space", "samples"), [("w", ganspace.SAMPLES_OF_W), ("z", ganspace.SAMPLES_OF_Z)])
def test_where_samples_cost_no_image_there_are_many(space, samples, monkeypatch):
    generator = tiny_stylegan2() if space == "w" else LinearFeatures(SCALES)
    counted, sample = [], type(generator).sample_latents

    def spy(self, count, rng=None):
        counted.append(count)
        return sample(self, count, rng)

    monkeypatch.setattr(type(generator), "sample_latents", spy)
    ganspace.find(LatentSpace(generator, space), DiscoverConfig(method="ganspace", count=2), Processes(progress=False))
    assert samples <= sum(counted) < samples + 100
