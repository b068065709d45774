import pytest
import torch

from linear import Linear, seeded
from orojar_finetune.latents.latent_space import LatentSpace, by_latent
from tiny import TINY, tiny_stylegan2


@pytest.mark.parametrize("space", ["z", "w"])
@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 100])
def test_batches_are_what_the_space_samples_at_once(space, num_classes, batch_size):
    where = LatentSpace(Linear(num_classes=num_classes, depth=2), space)
    batches = list(where.batches(7, seeded(), batch_size))
    whole = where.sample(7, seeded())
    assert max(map(len, batches)) <= batch_size
    torch.testing.assert_close(torch.cat([batch.values for batch in batches]), whole.values)
    if num_classes:
        assert torch.equal(torch.cat([batch.labels for batch in batches]), whole.labels)


@pytest.mark.parametrize("family", TINY)
def test_images_are_those_of_the_generator(family):
    generator = TINY[family]()
    space = LatentSpace(generator, "z")
    latents = space.sample(3, seeded())
    with torch.no_grad():
        expected = generator(latents.values, latents.labels)
    torch.testing.assert_close(space.images(latents), expected)


def test_images_of_ws_and_of_their_z_are_the_same():
    generator = tiny_stylegan2(num_classes=2)
    spaces = (LatentSpace(generator, "z"), LatentSpace(generator, "w"))
    of_z, of_w = (space.images(space.sample(3, seeded())) for space in spaces)
    torch.testing.assert_close(of_z, of_w)
    assert not of_z.requires_grad


def test_what_is_measured_is_stacked_in_the_order_of_latents():
    where = LatentSpace(Linear(), "z")
    found = by_latent(where, 5, seeded(), 2, lambda latents: latents.values[:, :2])
    torch.testing.assert_close(found, where.sample(5, seeded()).values[:, :2])
    with pytest.raises(ValueError, match="at least 1, got 0"):
        by_latent(where, 0, seeded(), 2, lambda latents: latents.values)
