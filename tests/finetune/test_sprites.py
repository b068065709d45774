import math

import pytest
import torch

from orojar_finetune.sprites import (
    CLASSES,
    COUNT,
    FACTORS,
    REACH,
    SHAPES,
    SYMMETRIES,
    classes_of,
    indices_of,
    render,
    sample,
    values_of,
)

LAST = tuple(count - 1 for count in CLASSES)
MIDDLE = 16


def sprites(resolution=64, **varied):
    """Pictures of the largest upright square near the middle but for what is chosen, a number or a list of them."""
    rows = max([len(v) for v in varied.values() if isinstance(v, list)], default=1)
    chosen = {"shape": 0, "scale": 5, "orientation": 0, "x": MIDDLE, "y": MIDDLE} | varied
    columns = [v if isinstance(v, list) else [v] * rows for v in (chosen[name] for name in FACTORS)]
    return render(torch.tensor(columns).T, resolution)


def areas(images):
    """Parts of the picture that are lit."""
    return (images > 0).double().mean(dim=(1, 2, 3))


def test_there_are_737280_sprites():
    assert COUNT == 737_280 == 3 * 6 * 40 * 32 * 32
    assert len(FACTORS) == len(CLASSES)


def test_numbers_and_classes_are_a_bijection():
    indices = torch.arange(COUNT)
    classes = classes_of(indices)
    assert torch.equal(indices_of(classes), indices)
    assert tuple(classes.amax(dim=0).tolist()) == LAST
    assert not classes.amin(dim=0).any()


def test_the_last_factor_changes_from_number_to_number_and_the_first_at_last():
    found = classes_of(torch.tensor([0, 1, 32, 1024, 40 * 1024, 6 * 40 * 1024, COUNT - 1])).tolist()
    assert found == [[0] * 5, [0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 1, 0, 0, 0], [1, 0, 0, 0, 0], [*LAST]]


def test_values_run_through_the_ranges_of_the_original():
    low, high = values_of(torch.tensor([[0] * 5, LAST]))
    torch.testing.assert_close(low, torch.tensor([1.0, 0.5, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(high, torch.tensor([3.0, 1.0, 2 * math.pi * 39 / 40, 1.0, 1.0]))


@pytest.mark.parametrize("wrong", [-1, COUNT])
def test_numbers_beyond_the_last_are_refused(wrong):
    with pytest.raises(ValueError, match=r"numbered 0\.\.737279"):
        classes_of(torch.tensor([0, wrong]))


@pytest.mark.parametrize("wrong", [[3, 0, 0, 0, 0], [0, 0, 0, 0, -1]])
def test_classes_that_a_factor_does_not_have_are_refused(wrong):
    for refusing in (indices_of, values_of, render):
        with pytest.raises(ValueError, match="shape, scale, orientation, x, y"):
            refusing(torch.tensor([wrong]))


def test_samples_come_from_the_randomness_they_are_given_and_cover_all_classes():
    drawn = sample(5000, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, sample(5000, torch.Generator().manual_seed(0)))
    for factor, count in enumerate(CLASSES):
        seen = drawn[:, factor].bincount(minlength=count)
        assert len(seen) == count
        assert (seen - 5000 / count).abs().max() < 5 * (5000 / count) ** 0.5


@pytest.mark.parametrize("resolution", [32, 64])
def test_pixels_are_black_or_white(resolution):
    images = render(sample(64, torch.Generator().manual_seed(1)), resolution)
    assert images.shape == (64, 1, resolution, resolution)
    assert sorted(images.unique().tolist()) == [-1, 1]
    assert areas(images).min() > 0


def test_a_batch_is_its_rows():
    classes = sample(8, torch.Generator().manual_seed(2))
    assert torch.equal(render(classes), torch.cat([render(row[None]) for row in classes]))


@pytest.mark.parametrize("shape", range(3))
def test_areas_grow_with_the_square_of_the_scale(shape):
    found = areas(sprites(256, shape=shape, scale=list(range(6)), orientation=3))
    scales = torch.linspace(0.5, 1, 6).double()
    torch.testing.assert_close(found / found[-1], scales**2, atol=0, rtol=0.02)


def test_shapes_are_of_about_one_area():
    square, ellipse, heart = areas(sprites(256, shape=[0, 1, 2])).tolist()
    assert ellipse == pytest.approx(square, rel=0.05)
    assert heart == pytest.approx(square, rel=0.12)


@pytest.mark.parametrize("shape", range(3))
def test_a_shape_repeats_after_the_part_of_a_turn_it_is_symmetric_under_and_no_sooner(shape):
    images = sprites(shape=shape, orientation=list(range(40)))
    period = 40 // SYMMETRIES[shape]
    for orientation in range(40):
        same = [other for other in range(40) if torch.equal(images[orientation], images[other])]
        assert same == [other for other in range(40) if (other - orientation) % period == 0], SHAPES[shape]


def test_a_quarter_turn_of_the_class_is_a_quarter_turn_of_the_picture():
    flat, upright = sprites(shape=1, orientation=[0, 10], x=[15, 16], y=[15, 16])
    # the grid of positions has no middle, so each is moved to where the turned one should be
    seen = [image[0][image[0].amax(dim=1) > 0][:, image[0].amax(dim=0) > 0] for image in (flat, upright)]
    assert seen[0].shape == seen[1].T.shape
    assert (seen[0] != seen[1].T).sum() <= 8


def test_the_tip_of_the_upright_heart_points_down():
    rows = (sprites(shape=2)[0, 0] > 0).sum(dim=1)
    lit = rows.nonzero().flatten()
    assert rows[lit[-1]] <= 2 < rows[lit[1]]


@pytest.mark.parametrize(("axis", "dim"), [("x", 1), ("y", 0)])
def test_positions_move_the_picture_and_nothing_else(axis, dim):
    pixels = 62  # with so many a step is exactly one of them
    still = sprites(pixels, shape=2, orientation=7, **{axis: 0})[0, 0]
    for steps in (1, 13, 31):
        moved = sprites(pixels, shape=2, orientation=7, **{axis: steps})[0, 0]
        assert (moved != still.roll(steps, dims=dim)).sum() <= 2  # pixels that lie on the outline within rounding
    assert 31 / pixels == 2 * REACH


@pytest.mark.parametrize("resolution", [32, 64])
def test_nothing_touches_the_border(resolution):
    classes = torch.cartesian_prod(*[torch.arange(n) for n in (3, 40, 2, 2)])
    classes[:, 2:] *= 31
    images = render(torch.cat([classes[:, :1], torch.full_like(classes[:, :1], 5), classes[:, 1:]], dim=1), resolution)
    border = torch.cat([images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]], dim=-1)
    assert (border == -1).all()
