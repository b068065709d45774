import pytest
import torch
from torch.nn import functional as F

from orojar_finetune.sprites import FACTORS, render, sample
from paper_reader import SpriteReader, squared_changes, truth


def changes(before, after):
    """By how much the factors of one sprite differ from those of another, and whether its shape is the same."""
    squares, same = squared_changes(truth(torch.tensor([before])), truth(torch.tensor([after])))
    return dict(zip(FACTORS, squares[0].tolist(), strict=True)), same.item()


def test_a_sprite_does_not_differ_from_itself():
    classes = sample(64, torch.Generator().manual_seed(0))
    squares, same = squared_changes(truth(classes), truth(classes))
    torch.testing.assert_close(squares, torch.zeros(64, 5))
    torch.testing.assert_close(same, torch.ones(64))


@pytest.mark.parametrize(("factor", "after"), [("scale", [0, 5, 0, 0, 0]), ("x", [0, 0, 0, 31, 0]), ("y", [0, 0, 0, 0, 31])])
def test_plain_factors_differ_by_one_from_end_to_end_and_nothing_else_does(factor, after):
    squares, same = changes([0] * 5, after)
    assert squares == pytest.approx({name: float(name == factor) for name in FACTORS})
    assert same == 1


@pytest.mark.parametrize(("shape", "period"), [(0, 10), (1, 20), (2, 40)])
def test_orientations_that_look_alike_are_alike_and_those_half_way_are_opposite(shape, period):
    for steps, square in ((period, 0), (period // 2, 4)):
        squares, _ = changes([shape, 0, 0, 0, 0], [shape, 0, steps % 40, 0, 0])
        assert squares["orientation"] == pytest.approx(square, abs=1e-5)


def test_the_orientation_of_another_shape_does_not_count():
    squares, same = changes([0, 0, 0, 0, 0], [2, 0, 13, 0, 0])
    assert squares["orientation"] == same == 0
    assert squares["shape"] == 2


@pytest.mark.parametrize("resolution", [32, 64])
def test_a_reader_reads_every_factor_and_gives_features(resolution):
    reader = SpriteReader(resolution)
    images = render(sample(4, torch.Generator().manual_seed(0)), resolution)
    reading = reader(images)
    torch.testing.assert_close(reading.shapes.sum(dim=1), torch.ones(4))
    assert reading.plain.shape == (4, 3)
    assert reading.turns.shape == (4, 3, 2)
    assert reader.features(images).shape[0] == 4
    assert reader.stages[-1][0].in_channels < reader.stages[-1][0].out_channels


def test_each_orientation_is_learned_from_sprites_of_its_own_shape_alone():
    reader = SpriteReader(32)
    classes = torch.tensor([[1, 2, 3, 4, 5]] * 8)
    reader.loss(render(classes, 32), classes).backward()
    gradients = reader.factors.weight.grad
    assert gradients is not None
    moved = gradients[6:].abs().amax(dim=1) > 0
    assert moved.tolist() == [False, False, True, True, False, False]


def test_the_loss_of_what_is_known_is_the_shapes_doubt_alone():
    reader = SpriteReader(32)
    classes = torch.tensor([[1, 2, 3, 4, 5]] * 2)
    true = truth(classes)
    with torch.no_grad():
        reader.factors.weight.zero_()
        reader.factors.bias.copy_(torch.cat([torch.zeros(3), true.plain[0], true.turns[0].flatten()]))
    wanted = F.cross_entropy(torch.zeros(1, 3), torch.tensor([1]))
    torch.testing.assert_close(reader.loss(render(classes, 32), classes), wanted)
