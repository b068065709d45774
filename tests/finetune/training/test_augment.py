import pytest
import torch

from orojar_finetune.training.augment import NUMBERS, augment

AWAY = 10.0
"""Places the hole outside the picture."""


def numbers(**chosen):
    names = ("brightness", "saturation", "contrast", "right", "down", "hole_x", "hole_y")
    neutral = {"hole_x": AWAY, "hole_y": AWAY}
    row = torch.tensor([[chosen.get(name, neutral.get(name, 0.5)) for name in names]])
    assert row.shape == (1, NUMBERS)
    return row


@pytest.fixture
def image():
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_middle_of_every_range_changes_nothing(image):
    torch.testing.assert_close(augment(image, numbers()), image)


def test_brightness_is_added(image):
    torch.testing.assert_close(augment(image, numbers(brightness=0.9)), image + 0.4)


def test_no_saturation_is_gray(image):
    torch.testing.assert_close(augment(image, numbers(saturation=0.0)), image.mean(dim=1, keepdim=True).expand_as(image))


def test_contrast_scales_around_the_mean(image):
    torch.testing.assert_close(augment(image, numbers(contrast=0.0)), image.mean() + (image - image.mean()) / 2)


def test_translation_moves_by_up_to_an_eighth_and_lets_zeros_in(image):
    moved = augment(image, numbers(right=0.0, down=0.99))
    torch.testing.assert_close(moved[..., :14, 2:], image[..., 2:, :14])
    assert (moved[..., 14:, :] == 0).all()


def test_the_hole_is_half_as_wide_as_the_picture(image):
    holed = augment(image, numbers(hole_x=0.5, hole_y=0.5))
    assert (holed[..., 4:12, 4:12] == 0).all()
    assert (holed == 0).float().mean() == 0.25


def test_every_image_is_changed_by_its_own_numbers(image):
    both = torch.cat([numbers(brightness=0.1), numbers(right=0.0)])
    found = augment(image.repeat(2, 1, 1, 1), both)
    for row in range(2):
        torch.testing.assert_close(found[row : row + 1], augment(image, both[row : row + 1]))


def test_gradients_flow_back():
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: augment(x, torch.full((2, NUMBERS), 0.3)), x)
