import json

from orojar_finetune.measures.findings import Curve, Figure, Findings, Matrix


def found():
    return Findings(
        "mine",
        ("hue", "size"),
        {"activity": Figure(0.5, 0.4, 0.6), "disentanglement": Figure(1.0)},
        {"activity": (Figure(0.7, 0.6, 0.8), Figure(0.3))},
        {"effects": Matrix(("a", "b"), ((1.0, 0.0), (0.0, 0.5)))},
        {"accuracy": Curve("epoch", (1.0, 2.0), {"seed 0": (0.1, 0.9)})},
    )


def test_a_figure_shows_its_interval_where_it_has_one():
    assert str(Figure(0.5, 0.4, 0.6)) == "0.500 [0.400, 0.600]"
    assert str(Figure(1.0)) == "1.000"
    assert str(Figure(0.00034, -0.0000123, 0.0123)) == "0.00034 [-1.2e-05, 0.012]"
    assert str(Figure(0.0)) == "0.000"


def test_other_units_are_those_of_the_interval_too():
    assert Figure(1.0, 0.5, 2.0).over(2.0) == (0.5, 0.25, 1.0)
    assert Figure(1.0).over(2.0) == (0.5, None, None)


def test_findings_are_plain_data_by_direction():
    described = json.loads(json.dumps(found().described()))
    assert described["figures"] == {"activity": {"value": 0.5, "low": 0.4, "high": 0.6}, "disentanglement": {"value": 1.0}}
    assert described["of_directions"]["activity"] == {"hue": {"value": 0.7, "low": 0.6, "high": 0.8}, "size": {"value": 0.3}}
    assert described["matrices"]["effects"]["size"] == {"a": 0.0, "b": 0.5}
    assert described["curves"]["accuracy"]["lines"] == {"seed 0": [0.1, 0.9]}


def test_findings_take_over_what_others_found():
    mine = Findings("mine", ("hue", "size"), notes=["first"])
    mine.add(found())
    mine.add(Findings("mine", figures={"recall": Figure(0.2)}, notes=["second", "first"]))
    assert list(mine.figures) == ["activity", "disentanglement", "recall"]
    assert mine.matrices.keys() == {"effects"} and mine.notes == ["first", "second"]
