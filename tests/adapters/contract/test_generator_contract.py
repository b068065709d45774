"""What every family promises, asked of a tiny generator of each."""

import pytest
import torch
from torch import Tensor

from orojar_adapters import FAMILIES, Generator, load_generator
from tiny import TINY, tiny_stylegan2


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def latents(generator: Generator, count: int = 3) -> Tensor:
    return generator.sample_latents(count, rng())


def labels(generator: Generator, count: int = 3) -> Tensor | None:
    return torch.arange(count) % generator.num_classes if generator.num_classes else None


def ws_of(generator: Generator, count: int = 3) -> Tensor:
    return generator.map(latents(generator, count), labels(generator, count))


def synthesize(generator: Generator, ws: Tensor, noise="const") -> Tensor:
    return generator.synthesize(ws, noise, labels(generator, len(ws)))


def test_every_family_has_a_tiny_generator():
    ours = {family for family, cls in FAMILIES.items() if cls.__module__.startswith("orojar_adapters.")}
    assert TINY.keys() == ours
    for family, make in TINY.items():
        assert type(make()) is FAMILIES[family]
        assert make().family == family


def test_images_are_floats_of_the_size_that_the_generator_states(generator):
    images = generator(latents(generator), labels(generator))
    size = generator.resolution
    assert images.shape == (3, generator.image_channels, size, size)
    assert images.dtype == torch.float32
    assert torch.isfinite(images).all()
    assert 0.02 < images.std() < 20


def test_latents_have_the_deviation_that_is_stated(generator):
    z = generator.sample_latents(20_000, rng())
    assert z.mean().abs() < 0.02
    assert abs(z.std().item() / generator.latent_sigma - 1) < 0.01


def test_different_latents_give_different_images(generator):
    images = generator(latents(generator), labels(generator))
    assert (images[0] - images[1]).abs().max() > 0.01


def test_calling_is_mapping_then_synthesizing(generator):
    z = latents(generator)
    images = generator(z, labels(generator), truncation=0.5, noise=3)
    assert torch.equal(images, synthesize(generator, generator.map(z, labels(generator), truncation=0.5), noise=3))


def test_layers_are_the_rows_of_ws_from_coarse_to_fine(generator):
    assert ws_of(generator).shape == (3, len(generator.layers), generator.w_size)
    assert len(generator.layers) == 1 or generator.layers == generator.feature_layers
    for layers in (generator.layers, generator.feature_layers):
        assert [layer.index for layer in layers] == list(range(len(layers)))
        assert [layer.resolution for layer in layers] == sorted(layer.resolution for layer in layers)
        assert len({layer.name for layer in layers}) == len(layers)


def test_families_without_w_use_z_in_its_place(generator):
    if "w" not in generator.spaces:
        assert generator.spaces == ("z",)
        assert torch.equal(ws_of(generator)[:, 0, : generator.latent_size], latents(generator))


def test_ranges_of_z_lie_inside_it(generator):
    for first, end in generator.latent_ranges.values():
        assert 0 <= first < end <= generator.latent_size


def test_the_same_latent_gives_the_same_image(generator):
    ws = ws_of(generator)
    for noise in ("const", "none", 7):
        assert torch.equal(synthesize(generator, ws, noise), synthesize(generator, ws, noise))


def test_random_noise_differs_from_call_to_call_and_leaves_global_randomness_alone(generator):
    ws, before = ws_of(generator), torch.get_rng_state()
    first, second = synthesize(generator, ws, "random"), synthesize(generator, ws, "random")
    assert torch.equal(first, second) is not generator.has_noise
    assert torch.equal(torch.get_rng_state(), before)


def test_each_seed_has_its_own_noise(generator):
    ws = ws_of(generator)
    images = [synthesize(generator, ws, noise) for noise in ("const", "none", 1, 2)]
    assert all(torch.equal(a, b) is not generator.has_noise for i, a in enumerate(images) for b in images[:i])


@pytest.mark.parametrize("noise", ["const", "none", 5])
def test_an_image_does_not_depend_on_the_rest_of_its_batch(generator, noise):
    ws = ws_of(generator)
    together = synthesize(generator, ws, noise)
    for i in range(len(ws)):
        alone = generator.synthesize(ws[i : i + 1], noise, None if labels(generator) is None else labels(generator)[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)


def test_truncation_one_changes_nothing(generator):
    z, classes = latents(generator), labels(generator)
    assert torch.equal(generator.map(z, classes, truncation=1.0), generator.map(z, classes))


def test_truncation_zero_gives_the_mean_image(generator):
    if not generator.truncation_scales:
        pytest.skip("truncation leaves the latent as it is")
    ws = generator.map(latents(generator), labels(generator), truncation=0.0)
    assert torch.equal(ws, ws[:1, :1].expand_as(ws))
    images = generator.synthesize(ws, labels=labels(generator, 1).expand(3) if generator.num_classes else None)
    torch.testing.assert_close(images, images[:1].expand_as(images), rtol=1e-4, atol=1e-5)


def test_truncation_moves_in_a_straight_line_from_the_mean(generator):
    if not generator.truncation_scales:
        pytest.skip("truncation leaves the latent as it is")
    z, classes = latents(generator), labels(generator)
    mean, whole = generator.map(z, classes, truncation=0.0), generator.map(z, classes)
    for psi in (0.7, -1.0):
        torch.testing.assert_close(generator.map(z, classes, truncation=psi), mean + psi * (whole - mean))


def test_truncation_that_does_not_scale_leaves_z_and_goes_on_to_the_synthesis(generator):
    if generator.truncation_scales:
        pytest.skip("truncation draws the latent toward its mean")
    z, classes = latents(generator), labels(generator)
    ones = synthesize(generator, ws_of(generator))
    for truncation in (0.0, 0.5):
        ws = generator.map(z, classes, truncation)
        assert torch.equal(ws[:, 0, : generator.latent_size], z)
        assert torch.equal(ws[:, 0, generator.latent_size :], torch.full((len(z), 1), truncation))
        assert (synthesize(generator, ws) - ones).abs().max() > 0.01
    for truncation in (-0.1, 1.1):
        with pytest.raises(ValueError, match=f"truncations from 0 to 1, got {truncation}"):
            generator.map(z, classes, truncation)


def test_a_cutoff_truncates_the_coarse_layers_only(generator):
    z, classes = latents(generator), labels(generator)
    if len(generator.layers) == 1:
        pytest.skip("one layer cannot be cut")
    ws = generator.map(z, classes, truncation=0.3, cutoff=2)
    assert torch.equal(ws[:, :2], generator.map(z, classes, truncation=0.3)[:, :2])
    assert torch.equal(ws[:, 2:], generator.map(z, classes)[:, 2:])


def test_every_layer_reaches_the_image(generator):
    ws = ws_of(generator, 1)
    for layer in generator.layers:
        moved = ws.clone()
        moved[:, layer.index] += 1
        assert (synthesize(generator, moved, "none") - synthesize(generator, ws, "none")).abs().max() > 1e-4


def test_latents_come_from_the_randomness_they_are_given(generator):
    first = generator.sample_latents(5, rng())
    assert first.shape == (5, generator.latent_size)
    assert torch.equal(first, generator.sample_latents(5, rng()))
    assert not torch.equal(first, generator.sample_latents(5, rng(1)))
    assert not torch.equal(generator.sample_latents(5), generator.sample_latents(5))


def test_labels_are_sampled_for_conditional_generators_only(generator):
    found = generator.sample_labels(50, rng())
    if not generator.num_classes:
        assert found is None
    else:
        assert set(found.tolist()) == set(range(generator.num_classes))


def test_labels_for_an_unconditional_generator_are_refused():
    with pytest.raises(ValueError, match="unconditional"):
        tiny_stylegan2().map(torch.zeros(1, 8), torch.tensor([0]))


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (None, "3 classes: give labels"),
        (torch.tensor([0, 3]), r"0\.\.2, got \[0, 3\]"),
        (torch.tensor([0, -1]), r"0\.\.2, got \[0, -1\]"),
        (torch.eye(4)[:2], r"3 wide, got \(2, 4\)"),
    ],
)
def test_labels_that_a_conditional_generator_cannot_use_are_refused(classes, words):
    with pytest.raises(ValueError, match=words):
        tiny_stylegan2(num_classes=3).map(torch.zeros(2, 8), classes)


def test_class_indices_and_one_hot_rows_mean_the_same_and_classes_differ():
    generator = tiny_stylegan2(num_classes=3)
    z = generator.sample_latents(1, rng()).expand(3, -1)
    by_index = generator(z, torch.arange(3))
    assert torch.equal(by_index, generator(z, torch.eye(3)))
    assert (by_index[0] - by_index[1]).abs().max() > 0.01


def test_activations_come_in_the_order_asked_for_and_leave_the_image_as_it_is(generator):
    ws, classes = ws_of(generator), labels(generator)
    wanted = [len(generator.feature_layers) - 2, 0, 0]
    image, maps = generator.synthesize_with_activations(ws, wanted, labels=classes)
    assert torch.equal(image, synthesize(generator, ws))
    assert [len(found) for found in maps] == [3, 3, 3]
    assert [found.shape[-1] for found in maps] == [generator.feature_layers[i].resolution for i in wanted]
    assert torch.equal(maps[1], maps[2])


def test_every_layer_has_a_modulation_matrix(generator):
    matrices = generator.modulation_weights()
    assert len(matrices) == len(generator.layers)
    assert all(matrix.shape[1] == generator.w_size and not matrix.requires_grad for matrix in matrices)


@pytest.mark.parametrize("ours", [True, False], ids=["load_generator", "from_pretrained"])
def test_a_generator_returns_from_its_folder_bit_for_bit(generator, ours, tmp_path):
    generator.save_pretrained(tmp_path)
    found = load_generator(tmp_path) if ours else type(generator).from_pretrained(tmp_path)
    assert type(found) is type(generator)
    assert not found.training
    for (name, tensor), (other, theirs) in zip(generator.state_dict().items(), found.state_dict().items(), strict=True):
        assert name == other and torch.equal(tensor, theirs)
    z, classes = latents(generator), labels(generator)
    assert torch.equal(found(z, classes, truncation=0.7), generator(z, classes, truncation=0.7))
