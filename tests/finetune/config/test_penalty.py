import dataclasses

import pytest

from orojar_finetune.config import FORMS, Cosine, JacobianPenaltyConfig, PenaltyConfig, Variance


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"form": "cosin"}, "form must be 'cosine', 'variance' or 'hessian', got 'cosin'"),
        ({"weight": float("nan")}, "weight must be a finite number"),
        ({"weight": float("inf")}, "weight must be a finite number"),
        ({"weight": -1.0}, "weight must be"),
        ({"every": 0}, "every must be"),
        ({"on": ()}, "on"),
        ({"anneal": 1.5}, "anneal must be"),
        ({"form": "variance", "options": {"directions": 3}}, "Variance has no option 'directions'; it has: probes, epsilon"),
        ({"form": "variance", "options": {"probes": 1}}, "probes must be"),
        ({"form": "hessian", "options": {"epsilon": float("nan")}}, "epsilon must be a finite number"),
    ],
)
def test_what_cannot_be_is_refused(options, words):
    for kind in (PenaltyConfig, JacobianPenaltyConfig):
        with pytest.raises(ValueError, match=words):
            kind(**options)


def test_a_form_has_its_own_options_as_typed_or_as_numbers():
    typed = PenaltyConfig(form="variance", options={"probes": "4", "scale_free": "false"})
    assert typed == PenaltyConfig(form="variance", options={"probes": 4, "scale_free": False})
    assert typed.of_form == Variance(probes=4, epsilon=0.1, scale_free=False)
    assert PenaltyConfig().of_form == Cosine()
    assert {form: type(PenaltyConfig(form=form).of_form) for form in FORMS} == FORMS


def test_all_options_are_written_down_once_they_are_filled_in():
    found = PenaltyConfig(form="variance", options={"probes": 3})
    assert found.options == {"probes": 3}
    assert dataclasses.replace(found, options={}, form="cosine").of_form == Cosine()
    assert found.with_options().options == {"probes": 3, "epsilon": 0.1, "scale_free": True}
