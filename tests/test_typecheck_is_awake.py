"""The run-time type check fails silently when it is not installed: this canary sings."""

import jaxtyping
import pytest
import torch

from orojar_finetune.measures.direction_set import off_diagonal_share


def test_a_wrong_shape_is_caught_at_the_door():
    with pytest.raises(jaxtyping.TypeCheckError):
        off_diagonal_share(torch.zeros(2, 3, 4))
