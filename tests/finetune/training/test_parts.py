import pytest
import torch

from orojar_finetune.training.parts import Part, add_limited, delayed


def test_lazy_parts_count_as_often_as_they_were_left_out():
    part = Part("x", lambda *_: torch.zeros([]), 4, every=3, weight=lambda step: 0.5 if step < 5 else 0.0)
    assert [part.factor(step) for step in range(7)] == [1.5, 0, 0, 1.5, 0, 0, 0]


def test_a_delayed_part_keeps_its_rhythm_and_its_limit():
    part = delayed(Part("x", lambda *_: torch.zeros([]), 4, every=2, most=1.5), 3)
    assert [part.factor(step) for step in range(6)] == [0, 0, 0, 0, 2, 0]
    assert part.most == 1.5


def weights(*gradients):
    found = [torch.nn.Parameter(torch.zeros(2)) for _ in gradients]
    for parameter, gradient in zip(found, gradients, strict=True):
        parameter.grad = None if gradient is None else torch.tensor(gradient)
    return found


def test_a_long_gradient_is_shortened_to_the_limit_and_a_short_one_is_added_whole():
    parameters = weights([30.0, 40.0], [0.3, 0.4])
    add_limited(parameters, [torch.tensor([0.0, 1.0])] * 2, most=2.0)
    torch.testing.assert_close(parameters[0].grad, torch.tensor([1.2, 2.6]))
    torch.testing.assert_close(parameters[1].grad, torch.tensor([0.3, 1.4]))


def test_a_gradient_with_no_other_beside_it_stays_and_one_beside_nothing_leaves_the_other():
    parameters = weights([30.0, 40.0], None, [0.0, 0.0], [3.0, 4.0])
    add_limited(parameters, [None, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]), torch.zeros(2)], most=2.0)
    assert [p.grad.tolist() for p in parameters] == [[30, 40], [1, 2], [1, 2], [0, 0]]


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_gradient_that_overflowed_is_not_hidden(bad):
    parameters = weights([bad, 1.0])
    add_limited(parameters, [torch.ones(2)], most=1.0)
    assert not parameters[0].grad.isfinite().all()
