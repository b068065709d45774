"""What an options class refuses, and the sentence it says."""

import dataclasses
from typing import Literal

import pytest

from orojar_finetune.config.checked import Count, Fraction, NotNegative, Positive, checked


@checked
class Inner:
    weight: NotNegative = 15.0
    form: Literal["cosine", "variance"] = "cosine"


@checked
class Outer:
    inner: Inner = dataclasses.field(default_factory=Inner)
    count: Count = 1
    fraction: Fraction | None = None
    rate: Positive = 1.0

    def __post_init__(self) -> None:
        if self.count == 7:
            raise ValueError("count cannot be seven")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inner": {"weight": float("nan")}}, "inner.weight must be a finite number, got nan"),
        ({"inner": {"form": "cosin"}}, "inner.form must be 'cosine' or 'variance', got 'cosin'"),
        ({"rate": float("inf")}, "rate must be a finite number, got inf"),
        ({"rate": 0}, "rate must be greater than 0, got 0"),
        ({"count": 1.5}, "count must be a valid integer, .*, got 1.5"),
        ({"fraction": 1.1}, "fraction must be less than or equal to 1, got 1.1"),
        ({"counts": 2}, "Outer has no option 'counts'; it has: inner, count, fraction, rate"),
        ({"count": 7}, "count cannot be seven"),
        ({"count": 0, "rate": -1}, "count must be .*, got 0; rate must be .*, got -1"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=rf"^{sentence}$"):
        Outer(**options)


def test_replacing_a_field_checks_again():
    with pytest.raises(ValueError, match="rate"):
        dataclasses.replace(Outer(), rate=-1.0)


def test_options_cannot_be_changed_and_compare_by_value():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Outer().count = 2  # ty: ignore
    assert Outer(count=2) == Outer(count=2) != Outer()
    assert dataclasses.asdict(Outer(inner={"weight": 3}))["inner"] == {"weight": 3.0, "form": "cosine"}
