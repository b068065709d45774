import pytest

from orojar_finetune import discover
from orojar_finetune.config import METHOD_OPTIONS, CompareConfig
from orojar_finetune.discovery import METHODS
from orojar_finetune.evaluation import comparing
from orojar_finetune.evaluation.comparing import compare, counting
from orojar_finetune.latents.coordinates import latent_axes
from quick import quick
from tiny import TINY, tiny_stylegan2

FAST = {method: quick(method, steps=2) for method in METHOD_OPTIONS}


def small(*methods: str, **options) -> CompareConfig:
    config = {"count": 2, "measures": ("off-diagonal",), "latents": 8, "method_options": FAST}
    return CompareConfig(methods or tuple(METHODS), **{**config, **options})


def test_by_default_every_method_is_compared_on_256_latents():
    assert CompareConfig().methods == tuple(METHODS)
    assert CompareConfig().latents == 256


def test_all_methods_are_measured_alike_and_their_costs_counted():
    seen = []
    columns = compare(tiny_stylegan2(), small(), watch=seen.append)
    assert seen == columns
    assert [column.findings.name for column in columns] == list(METHODS)
    for column in columns:
        assert column.directions is not None and len(column.directions) == 2
        assert {"off_diagonal_share", "effective_directions", "off_diagonal_cos2", "activity"} <= column.findings.figures.keys()
        assert {"seconds", "images generated", "off_diagonal_share of layers"} <= column.findings.figures.keys()
    images = {column.findings.name: column.findings.figures["images generated"].value for column in columns}
    assert images["random"] == images["sefa"] == images["ganspace"] == 0
    assert images["orojar-jd"] == 4 * 2 * 8  # latents, forth and back, coordinates of w
    assert images["orojar"] == images["orojar-scale-free"] == 2 * 4 * 3  # steps, latents, K + 1
    assert images["hessian"] == images["hessian-scale-free"] == 2 * 4 * 5  # steps, latents, 2 K + 1


def test_the_directions_and_figures_are_those_of_discover():
    (column,) = compare(tiny_stylegan2(), small("orojar-jd"))
    found = discover(tiny_stylegan2(), count=2, **quick(), progress=False)
    assert column.directions is not None
    assert column.directions.digest == found.digest
    figures = {name: column.findings.figures[name].value for name in found.scores}
    assert figures == pytest.approx(found.scores, rel=1e-6)


def test_a_method_that_does_not_fit_is_left_out_with_its_reason():
    sefa, random = compare(tiny_stylegan2(), small("sefa", "random", space="z"))
    assert sefa.directions is None and "choose the space w" in sefa.findings.notes[0]
    assert random.directions is not None


def test_tuned_generators_stand_beside_their_base_with_as_many_directions():
    base, tuned = tiny_stylegan2(), tiny_stylegan2(seed=3)
    theirs = discover(tuned, method="random", count=5, progress=False)
    _, column = compare(base, small("random"), tuned={"tuned": (tuned, theirs)})
    assert column.findings.name == "tuned" and column.generator is tuned
    assert column.directions is not None and len(column.directions) == 2
    assert "seconds" not in column.findings.figures
    _, fewer = compare(base, small("random"), tuned={"tuned": (tuned, theirs.take([0]))})
    assert fewer.findings.notes == ["tuned has fewer directions than the others: 1, not 2."]


def test_generators_with_z_alone_are_compared_too():
    methods = ("random", "sefa", "ganspace", "orojar-jd")
    columns = compare(TINY["dcgan"](), small(*methods))
    assert [column.findings.name for column in columns if column.directions is not None] == list(methods)


def test_what_is_not_there_is_refused_before_the_first_search(monkeypatch):
    monkeypatch.setattr(comparing, "search", None)
    axes = latent_axes(tiny_stylegan2())
    with pytest.raises(ValueError, match="'nowhere'"):
        compare(tiny_stylegan2(), small("random"), data="nowhere")
    with pytest.raises(ValueError, match=r"random is also the name of a method.*\./random"):
        compare(tiny_stylegan2(), small("random"), tuned={"random": (tiny_stylegan2(), axes)})
    for wrong in ({"methods": ("magic",)}, {"method_options": {"magic": {}}}):
        with pytest.raises(ValueError, match=r"method must be one of orojar-jd.*got 'magic'"):
            CompareConfig(**wrong)
    with pytest.raises(ValueError, match="random has no option 'steps'"):
        compare(tiny_stylegan2(), small("sefa", "random", method_options={"random": {"steps": 4}}))
    with pytest.raises(ValueError, match="measures must be some of"):
        CompareConfig(measures=("beauty",))


def test_every_image_is_counted_once_and_the_generator_is_handed_back():
    generator = tiny_stylegan2()
    ws = generator.map(generator.sample_latents(3))
    with counting(generator) as spent:
        generator.synthesize(ws)
        generator.synthesize_with_activations(ws, [0])
        generator(generator.sample_latents(2))
    assert spent.images == 8 and spent.seconds > 0
    assert not {"synthesize", "synthesize_with_activations"} & vars(generator).keys()
    generator.synthesize(ws)
    assert spent.images == 8


def test_an_error_hands_the_generator_back_too():
    generator = tiny_stylegan2()
    with pytest.raises(ValueError, match="at most 8"), counting(generator):
        discover(generator, count=99)
    assert "synthesize" not in vars(generator)
