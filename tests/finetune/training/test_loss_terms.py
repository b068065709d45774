import torch

from orojar_finetune.training.loss_terms import LossTerm, delayed


def test_lazy_terms_count_as_often_as_they_were_skipped():
    term = LossTerm("x", lambda *_: torch.zeros([]), 4, every=3, weight=lambda step: 0.5 if step < 5 else 0.0)
    assert [term.factor(step) for step in range(7)] == [1.5, 0, 0, 1.5, 0, 0, 0]


def test_a_delayed_term_keeps_its_interval():
    term = delayed(LossTerm("x", lambda *_: torch.zeros([]), 4, every=2), 3)
    assert [term.factor(step) for step in range(6)] == [0, 0, 0, 0, 2, 0]
