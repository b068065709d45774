import pytest
import torch

from orojar_finetune.latents.moves import as_moves, moved


def test_a_step_in_z_is_its_own_move():
    steps = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(as_moves(steps, "z", 4, [None, None]), steps)


def test_steps_in_w_move_their_own_layers():
    steps = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    moves = as_moves(steps, "w", 3, [(1, 3), None])
    assert torch.equal(moves[0], torch.tensor([[0.0, 0.0], [1.0, 2.0], [1.0, 2.0]]))
    assert torch.equal(moves[1], steps[1].expand(3, 2))


def test_steps_in_w_plus_hold_all_layers():
    assert torch.equal(as_moves(torch.arange(6.0)[None], "w+", 3, [None]), torch.arange(6.0).view(1, 3, 2))


@pytest.mark.parametrize("space", ["w", "w+"])
def test_layers_that_there_are_not_are_refused(space):
    with pytest.raises(ValueError, match=r"layers 2 to 4 .* there are 3"):
        as_moves(torch.zeros(1, 6), space, 3, [(2, 5)])


def test_moves_add_up_by_their_strengths_alike_for_all_latents_or_for_each_its_own():
    moves = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    latents = torch.ones(5, 3, 4)
    alike = moved(latents, moves, torch.tensor([2.0, -1.0]))
    torch.testing.assert_close(alike, latents + 2 * moves[0] - moves[1])
    strengths = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    each = moved(latents, moves, strengths)
    for i in range(5):
        torch.testing.assert_close(each[i], latents[i] + strengths[i, 0] * moves[0] + strengths[i, 1] * moves[1])
