import math

import pytest
import torch

from orojar_finetune.scenes.rendering import FACTORS, HOLES, HUES, LENGTH, RADII, REACH, hsv_to_rgb, render, sample_factors

SIZE = 64


def scene(**chosen):
    """A scene in the middle of every factor but those chosen; red ground and green figure where hues are left alone."""
    values = {"background hue": 0.0, "object hue": (1 / 3) / HUES, **{name.replace("_", " "): v for name, v in chosen.items()}}
    return render(torch.tensor([[values.get(name, 0.5) for name in FACTORS]]), SIZE)[0]


def mask(image):
    """How much of each pixel is figure, from the green that the ground does not have."""
    green = image[1]
    return (green - green.min()) / (green.max() - green.min())


def center(image):
    weights = mask(image)
    axis = (torch.arange(SIZE) + 0.5) / SIZE - 0.5
    total = weights.sum()
    return (weights.sum(dim=0) * axis).sum() / total, (weights.sum(dim=1) * axis).sum() / total


def test_factors_are_uniform_and_come_from_the_randomness_they_are_given():
    drawn = sample_factors(4000, torch.Generator().manual_seed(0))
    assert drawn.shape == (4000, len(FACTORS))
    assert torch.equal(drawn, sample_factors(4000, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(drawn.mean(dim=0), torch.full((7,), 0.5), atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.var(dim=0), torch.full((7,), 1 / 12), atol=0.005, rtol=0)


def test_images_lie_between_minus_one_and_one_and_a_batch_is_its_rows():
    factors = sample_factors(8, torch.Generator().manual_seed(1))
    images = render(factors, SIZE)
    assert images.shape == (8, 3, SIZE, SIZE)
    assert images.abs().max() <= 1
    for i in range(8):
        torch.testing.assert_close(render(factors[i : i + 1], SIZE)[0], images[i])


@pytest.mark.parametrize(("hue", "rgb"), [(0, (1, 0, 0)), (1 / 6, (1, 1, 0)), (1 / 3, (0, 1, 0)), (2 / 3, (0, 0, 1))])
def test_hues_are_those_of_the_color_circle(hue, rgb):
    torch.testing.assert_close(hsv_to_rgb(torch.full((1, 1, 1), float(hue)), 1.0, 1.0).flatten(), torch.tensor(rgb).float())


def test_each_hue_colors_its_own_area():
    red, blue = scene(), scene(background_hue=(2 / 3) / HUES)
    inside, outside = mask(red) > 1 - 1e-6, mask(red) < 1e-6
    assert torch.equal(red[:, inside], blue[:, inside])
    assert red[0, outside].min() > red[2, outside].max()
    assert blue[2, outside].min() > blue[0, outside].max()
    other = scene(object_hue=(2 / 3) / HUES)
    assert torch.equal(red[:, outside], other[:, outside])
    assert other[2, inside].min() > red[2, inside].max()


@pytest.mark.parametrize("axis", ["x", "y"])
def test_places_move_the_figure_from_one_side_to_the_other(axis):
    low, high = (torch.stack(center(scene(**{axis: value}))) for value in (0.0, 1.0))
    moved = torch.tensor([2 * REACH, 0.0] if axis == "x" else [0.0, 2 * REACH])
    torch.testing.assert_close(high - low, moved, atol=2e-3, rtol=0)


def test_size_is_the_mean_radius_of_the_outline():
    for value, radius in zip((0.0, 1.0), RADII, strict=True):
        seen = mask(scene(size=value))
        assert seen.amax(dim=1).sum() / SIZE == pytest.approx(2 * radius * (1 + LENGTH), abs=1 / SIZE)
        across = 2 * radius * (1 - LENGTH) * (1 - sum(HOLES) / 2)
        assert seen[SIZE // 2 - 1 : SIZE // 2 + 1].mean(dim=0).sum() / SIZE == pytest.approx(across, abs=1 / SIZE)


def test_rotation_turns_clockwise_by_up_to_forty_five_degrees_both_ways():
    def slope(value):
        weights = mask(scene(rotation=value))
        x, y = torch.meshgrid(*[(torch.arange(SIZE) + 0.5) / SIZE - 0.5] * 2, indexing="xy")
        cx, cy = center(scene(rotation=value))
        xx, yy, xy = ((weights * a * b).sum() for a, b in ((x - cx, x - cx), (y - cy, y - cy), (x - cx, y - cy)))
        return math.degrees(0.5 * math.atan2(2 * xy, xx - yy))

    assert abs(slope(0.5)) == pytest.approx(90, abs=0.5)  # upright
    assert slope(0.75) == pytest.approx(22.5 - 90, abs=1.5)
    assert slope(1.0) == pytest.approx(45 - 90, abs=1.5)
    assert slope(0.0) == pytest.approx(90 - 45, abs=1.5)


def test_shape_is_the_hole_as_a_part_of_the_outline():
    radius = (RADII[0] + RADII[1]) / 2
    for shape, hole in ((0.0, HOLES[0]), (0.5, sum(HOLES) / 2), (1.0, HOLES[1])):
        seen = mask(scene(shape=shape))
        column = seen[:, SIZE // 2 - 1 : SIZE // 2 + 1].mean(dim=1)
        for half in (column[: SIZE // 2], column[SIZE // 2 :]):
            assert half.sum() / SIZE == pytest.approx(radius * (1 + LENGTH) * (1 - hole), abs=0.5 / SIZE)
        area = math.pi * radius**2 * (1 + LENGTH**2 / 2)  # half the integral of the squared distance
        assert seen.sum() / SIZE**2 == pytest.approx(area * (1 - hole**2), rel=0.03)


def test_an_upright_figure_never_touches_the_border():
    factors = torch.tensor([[0.0, 0.4, x, y, 1.0, 0.5, s] for x in (0, 1) for y in (0, 1) for s in (0, 1)])
    images = render(factors, SIZE)
    border = torch.cat([images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]], dim=-1)
    assert (border == border[..., :1]).all()


def test_a_small_image_is_the_large_one_reduced():
    factors = sample_factors(16, torch.Generator().manual_seed(2))
    small = torch.nn.functional.avg_pool2d(render(factors, 128), 2)
    assert (render(factors, 64) - small).abs().mean() < 0.002
