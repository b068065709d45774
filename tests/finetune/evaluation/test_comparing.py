import pytest

from orojar_finetune import discover
from orojar_finetune.config import CompareConfig, DiscoverConfig, EvaluateConfig
from orojar_finetune.config.discovery import DescentConfig
from orojar_finetune.discovery import METHODS
from orojar_finetune.evaluation import comparing
from orojar_finetune.evaluation.comparing import PAPER, compare, configured
from orojar_finetune.measures.coordinates import latent_axes
from tiny import TINY, tiny_stylegan2

DISCOVER = DiscoverConfig(count=2, latents=4, held_out=2, samples=64, descent=DescentConfig(steps=2, batch_size=2))
SMALL = CompareConfig(discover=DISCOVER, evaluate=EvaluateConfig(measures=("independence",), latents=4))


def test_by_default_every_method_meets():
    assert set(CompareConfig().methods) == {PAPER, *METHODS}


def test_all_methods_are_measured_alike_and_their_costs_counted():
    seen = []
    columns = compare(tiny_stylegan2(), SMALL, watch=seen.append)
    assert seen == columns
    assert [column.findings.name for column in columns] == list(SMALL.methods)
    for column in columns:
        assert column.directions is not None and len(column.directions) == 2
        assert {"orthogonality", "activity", "seconds", "images generated"} <= column.findings.figures.keys()
    images = {column.findings.name: column.findings.figures["images generated"].value for column in columns}
    assert images["random"] == images["sefa"] == 0
    assert images["orojar-jd"] == 4 * 2 * 8  # latents, forth and back, coordinates of w
    assert images["orojar"] == images[PAPER] == 2 * 2 * 3  # steps, latents, K + 1


def test_directions_are_those_that_discover_finds():
    column, *_ = compare(tiny_stylegan2(), CompareConfig(("orojar-jd",), DISCOVER, SMALL.evaluate))
    assert column.directions is not None
    assert column.directions.digest == discover(tiny_stylegan2(), DISCOVER, progress=False).digest


def test_the_papers_loss_is_the_one_that_can_shrink():
    assert configured(PAPER, DISCOVER).method == "orojar" and not configured(PAPER, DISCOVER).descent.scale_free
    assert configured("orojar", DISCOVER).descent.scale_free


def test_a_method_that_does_not_fit_is_left_out_with_its_reason():
    in_z = CompareConfig(("sefa", "random"), DiscoverConfig(space="z", count=2, latents=4, held_out=2), SMALL.evaluate)
    sefa, random = compare(tiny_stylegan2(), in_z)
    assert sefa.directions is None and "choose the space w" in sefa.findings.notes[0]
    assert random.directions is not None


def test_tuned_generators_stand_beside_their_base_with_as_many_directions():
    base, tuned = tiny_stylegan2(), tiny_stylegan2(seed=3)
    theirs = discover(tuned, method="random", count=5, held_out=2, progress=False)
    _, column = compare(base, CompareConfig(("random",), DISCOVER, SMALL.evaluate), tuned={"tuned": (tuned, theirs)})
    assert column.findings.name == "tuned" and column.generator is tuned
    assert column.directions is not None and len(column.directions) == 2
    assert "seconds" not in column.findings.figures
    _, fewer = compare(base, CompareConfig(("random",), DISCOVER, SMALL.evaluate), tuned={"tuned": (tuned, theirs.take([0]))})
    assert fewer.findings.notes == ["tuned has fewer directions than the others: 1, not 2."]


def test_generators_with_z_alone_are_compared_too():
    methods = ("random", "sefa", "ganspace", "orojar-jd")
    columns = compare(TINY["dcgan"](), CompareConfig(methods, DISCOVER, SMALL.evaluate))
    assert [column.findings.name for column in columns if column.directions is not None] == list(methods)


def test_unknown_methods_and_images_that_are_not_there_are_refused_before_the_first_search(monkeypatch):
    monkeypatch.setattr(comparing, "search", None)
    axes = latent_axes(tiny_stylegan2())
    with pytest.raises(ValueError, match="'nowhere' does not exist"):
        compare(tiny_stylegan2(), CompareConfig(("random",), DISCOVER), data="nowhere")
    with pytest.raises(ValueError, match="inception features need torch-fidelity"):
        wanted = EvaluateConfig(measures=("preservation",), features="inception")
        compare(tiny_stylegan2(), CompareConfig(("random",), DISCOVER, wanted))
    with pytest.raises(ValueError, match=r"random is also the name of a method.*\./random"):
        compare(tiny_stylegan2(), CompareConfig(("random",), DISCOVER), tuned={"random": (tiny_stylegan2(), axes)})
    with pytest.raises(ValueError, match=r"methods must be some of orojar-paper.*got magic"):
        compare(tiny_stylegan2(), CompareConfig(("magic",), DISCOVER))
