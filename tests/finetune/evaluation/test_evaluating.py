"""All measures through the one way in, on scenes whose factors are the latents."""

import dataclasses
import sys

import pytest
import torch
from PIL import Image

from orojar_adapters import Generator
from orojar_finetune import config, discover
from orojar_finetune.config import DataConfig, EvaluateConfig
from orojar_finetune.evaluation import of_directions
from orojar_finetune.evaluation.evaluating import MEASURES, evaluate
from orojar_finetune.latents.coordinates import latent_axes
from orojar_finetune.measures.direction_set import measure_directions
from orojar_finetune.measures.features import FEATURES, RandomFeatures
from orojar_finetune.measures.findings import MEANINGS
from orojar_finetune.scenes.rendering import FACTORS
from perfect_scenes import PerfectScenes
from tiny import TINY, tiny_stylegan2

SMALL = EvaluateConfig(
    latents=8,
    images=32,
    pairs=8,
    identity="orojar_finetune.measures.features:RandomFeatures",
)


def few(generator: Generator):
    return discover(generator, method="random", count=2, progress=False)


def test_every_measure_that_can_be_named_is_there():
    assert tuple(MEASURES) == config.MEASURES == EvaluateConfig().measures
    assert EvaluateConfig().latents == 256


def test_axes_that_are_the_factors_are_found_to_be():
    generator = PerfectScenes()
    found = evaluate(generator, latent_axes(generator), data="scenes", latents=16, measures=("ground-truth", "off-diagonal"))
    assert found.directions == tuple(f"z {i}" for i in range(7))
    assert found.figures["disentanglement"].value > 0.9 and found.figures["completeness"].value > 0.9
    assert found.figures["unmoved factors"].value == 0
    rows = torch.tensor(found.matrices["effects on the true factors"].rows)
    assert rows.argmax(dim=1).tolist() == list(range(len(FACTORS)))
    assert not any("No direction" in note for note in found.notes)
    low, high = found.figures["disentanglement"].low, found.figures["disentanglement"].high
    assert low is not None and high is not None and low <= found.figures["disentanglement"].value <= high


def test_every_measure_says_something_and_everything_said_has_a_meaning(monkeypatch):
    monkeypatch.setitem(of_directions.PREDICTABILITY, "quick", of_directions.Budget(pairs=60, epochs=1, seeds=2))
    generator = PerfectScenes()
    found = evaluate(generator, few(generator), SMALL, data="scenes", name="chance", predictability="quick")
    assert found.name == "chance"
    assert found.figures.keys() <= MEANINGS.keys()
    missing = MEANINGS.keys() - found.figures.keys() - {"seconds", "images generated"}
    assert missing == {"off_diagonal_share of layers", "off_diagonal_cos2 of layers"}  # this generator has none
    assert all(torch.isfinite(torch.tensor(figure.value)) for figure in found.figures.values())
    assert {len(values) for values in found.of_directions.values()} == {2}
    assert [name for name, figure in found.figures.items() if figure.low is None] == ["predictability, by chance"]
    assert all(one.low is not None and one.low <= one.value <= one.high for row in found.of_directions.values() for one in row)
    assert found.of_directions.keys() >= {"activity", "activeness", "path length along directions", "traversal length"}
    assert found.figures["frechet distance, undivided"].value > found.figures["frechet distance"].value > 0
    notes = " ".join(found.notes)
    assert "are in the distance 'pixels'" in notes and "Preservation is measured in the features 'scenes'." in notes
    assert "on each side, in the features 'scenes'" in notes


@pytest.mark.parametrize("family", TINY)
def test_every_family_is_evaluated_without_real_images(family):
    generator = TINY[family]()
    found = evaluate(generator, few(generator), SMALL)
    assert {
        "off_diagonal_share",
        "off_diagonal_cos2",
        "effective_directions",
        "activity",
        "activeness",
        "preservation",
        "path length in z",
    } <= found.figures.keys()
    assert ("path length in w" in found.figures) == ("w" in generator.spaces)
    left_out = " ".join(found.notes)
    assert "fidelity was left out" in left_out and "--data" in left_out and "ground-truth was left out" in left_out


def test_identity_is_what_the_recognizer_sees_and_is_left_out_without_one():
    generator = PerfectScenes()
    options = {"measures": ("preservation",), "features": "random"}
    both = evaluate(generator, few(generator), SMALL, **options)
    assert both.figures["preservation of identity"] == both.figures["preservation"]  # the recognizer is the same network
    assert both.of_directions["preservation of identity"] == both.of_directions["preservation"]
    scenes = evaluate(generator, few(generator), SMALL, **{**options, "features": "scenes"})
    assert scenes.figures["preservation of identity"] == both.figures["preservation"] != scenes.figures["preservation"]
    assert "preservation of identity" not in evaluate(generator, few(generator), SMALL, **options, identity=None).figures


def test_without_directions_the_images_alone_are_measured():
    found = evaluate(tiny_stylegan2(), None, SMALL)
    assert found.figures.keys() == {"path length in z", "path length in w"}
    assert any("orojar discover" in note for note in found.notes)


def test_a_seed_gives_the_same_figures_again_and_the_generator_stays_as_it_was():
    generator = tiny_stylegan2().train()
    directions = few(generator)
    names = ("off-diagonal", "activeness", "path-length")
    first, second, other = (evaluate(generator, directions, SMALL, measures=names, seed=seed).described() for seed in (0, 0, 1))
    assert first == second != other
    assert generator.training


def test_factors_that_nobody_moves_are_named():
    generator = PerfectScenes()
    found = evaluate(generator, latent_axes(generator).take([0, 1, 3]), SMALL, measures=("ground-truth",), data="scenes")
    unmoved = [name for i, name in enumerate(FACTORS) if i not in (0, 1, 3)]
    assert found.figures["unmoved factors"].value == len(unmoved)
    assert found.notes == [f"No direction of {found.name} moves {', '.join(unmoved)}."]


def test_what_cannot_be_had_is_refused_before_anything_is_measured(monkeypatch):
    def never(subject):
        raise AssertionError("measured")

    monkeypatch.setitem(MEASURES, "off-diagonal", never)
    monkeypatch.setitem(sys.modules, "lpips", None)
    generator = tiny_stylegan2()
    for wrong in (
        {"identity": "nowhere:network"},
        {"features": "nothing"},
        {"distance": "lpips"},
        {"activations": (0, 99)},
    ):
        with pytest.raises(
            ValueError, match=r"could not be imported|must be one of|needs the package|must name layers 0\.\.\d, got \(0, 99\)"
        ):
            evaluate(generator, few(generator), SMALL, **wrong)
    with pytest.raises(ValueError, match="images must be greater than or equal to 4"):
        EvaluateConfig(images=3)
    with pytest.raises(ValueError, match="predictability must be"):
        EvaluateConfig(predictability="some")


def test_pictures_of_a_folder_are_compared_by_inception_or_the_reason_is_given(tmp_path, monkeypatch):
    generator = PerfectScenes()
    for i in range(4):
        Image.new("RGB", (generator.resolution, generator.resolution), (60 * i, 0, 0)).save(tmp_path / f"{i}.png")
    options = {"measures": ("fidelity",), "images": 4}
    found = evaluate(generator, None, SMALL, data=str(tmp_path), **options)
    (note,) = found.notes
    assert "'random'" in note and "not available: inception features need torch-fidelity" in note
    monkeypatch.setitem(FEATURES, "inception", RandomFeatures)
    (note,) = evaluate(generator, None, SMALL, data=str(tmp_path), **options).notes
    assert note.endswith("in the features 'inception'.")


def test_directions_on_different_layers_are_measured_together():
    generator = tiny_stylegan2()
    mixed = dataclasses.replace(few(generator), layers=((0, 2), None))
    found = evaluate(generator, mixed, SMALL, measures=("off-diagonal",))
    assert found.figures["off_diagonal_share"].value > 0 and found.notes == []


def test_the_figures_of_a_set_are_those_it_was_saved_with():
    """One measurement: a search and an evaluation with the same seed and as many latents agree to the last digit."""
    generator = tiny_stylegan2()
    directions = few(generator)
    found = evaluate(generator, directions, SMALL, measures=("off-diagonal",))
    assert {name: found.figures[name].value for name in directions.scores} == pytest.approx(directions.scores, rel=1e-6)
    values = [figure.value for figure in found.of_directions["activity"]]
    assert values == pytest.approx(list(directions.activity), rel=1e-6)


def test_scores_that_are_known_are_not_measured_again(monkeypatch):
    generator = tiny_stylegan2()
    directions = few(generator)
    options = {"measures": ("off-diagonal",), "activations": (1, 2)}
    scores = measure_directions(generator, directions, SMALL.latents, activations=(1, 2))
    wanted = evaluate(generator, directions, SMALL, **options)
    monkeypatch.setattr(of_directions, "measure_directions", None)
    assert evaluate(generator, directions, SMALL, scores=scores, **options).described() == wanted.described()


def test_the_layers_count_beside_the_image():
    found = evaluate(tiny_stylegan2(), few(tiny_stylegan2()), SMALL, measures=("off-diagonal",))
    curve = found.curves["off-diagonal by layer"]
    for name, line in (("off_diagonal_share", "share"), ("off_diagonal_cos2", "cos²")):
        of_layers = found.figures[f"{name} of layers"]
        assert 0 <= of_layers.value <= 1 and of_layers != found.figures[name]
        assert sum(curve.lines[line]) / len(curve.x) == pytest.approx(of_layers.value)


def test_layers_can_be_chosen():
    options = {"measures": ("off-diagonal",)}
    default = evaluate(tiny_stylegan2(), few(tiny_stylegan2()), SMALL, **options)
    chosen = evaluate(tiny_stylegan2(), few(tiny_stylegan2()), SMALL, **options, activations=(1, 2))
    none = evaluate(tiny_stylegan2(), few(tiny_stylegan2()), SMALL, **options, activations=())
    assert chosen.curves["off-diagonal by layer"].x == (1.0, 2.0)
    of_image = [found.figures["off_diagonal_share"] for found in (chosen, default, none)]
    assert of_image[0] == of_image[1] == of_image[2]
    assert none.curves == {} and "off_diagonal_share of layers" not in none.figures


def test_unknown_measures_and_features_are_refused():
    with pytest.raises(ValueError, match=r"measures must be some of off-diagonal.*got beauty"):
        EvaluateConfig(measures=("beauty",))
    with pytest.raises(ValueError, match="features must be one of"):
        evaluate(tiny_stylegan2(), few(tiny_stylegan2()), SMALL, features="nothing")
    with pytest.raises(ValueError, match="no option 'color'"):
        evaluate(tiny_stylegan2(), None, SMALL, color=1)


def test_split_and_column_reach_the_data(monkeypatch):
    seen = []
    monkeypatch.setattr("orojar_finetune.evaluation.evaluating.open_real_images", lambda *rest: seen.append(rest[-1]))
    chosen = DataConfig(split="test", image_column="photo")
    evaluate(tiny_stylegan2(), None, SMALL, measures=(), data="user/dataset", data_config=chosen)
    assert seen == [chosen]
