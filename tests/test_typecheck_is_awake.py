"""The run-time check of shapes fails silently when it is off, so this test is its canary."""

import pytest
import torch
from jaxtyping import TypeCheckError

from orojar_adapters.ops.activation import normalize_second_moment
from orojar_adapters.ops.modulated_conv import modulated_conv


def test_a_wrong_number_of_dimensions_is_caught():
    with pytest.raises(TypeCheckError, match="normalize_second_moment"):
        normalize_second_moment(torch.ones(2, 3, 4))


def test_two_arguments_that_disagree_about_a_size_are_caught():
    with pytest.raises(TypeCheckError, match="modulated_conv"):
        modulated_conv(torch.ones(1, 3, 4, 4), torch.ones(2, 3, 3, 3), torch.ones(1, 2))
