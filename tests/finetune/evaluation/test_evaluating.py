"""All measures through the one way in, on scenes whose factors are the latents."""

import pytest
import torch

from orojar_adapters import Generator
from orojar_finetune import discover
from orojar_finetune.config import EvaluateConfig
from orojar_finetune.evaluation.evaluating import evaluate
from orojar_finetune.evaluation.findings import MEANINGS
from orojar_finetune.evaluation.measuring import MEASURES
from orojar_finetune.measures.coordinates import latent_axes
from orojar_finetune.scenes.rendering import FACTORS
from perfect_scenes import PerfectScenes
from tiny import TINY, tiny_stylegan2

SMALL = EvaluateConfig(
    measures=tuple(MEASURES),
    latents=8,
    images=32,
    pairs=8,
    predictability_pairs=60,
    predictability_epochs=1,
    predictability_seeds=2,
    identity="orojar_finetune.measures.features:RandomFeatures",
)


def few(generator: Generator):
    return discover(generator, method="random", count=2, held_out=2, progress=False)


def test_axes_that_are_the_factors_are_found_to_be():
    generator = PerfectScenes()
    found = evaluate(generator, latent_axes(generator), data="scenes", latents=16, measures=("ground-truth", "independence"))
    assert found.directions == tuple(f"z {i}" for i in range(7))
    assert found.figures["disentanglement"].value > 0.9 and found.figures["completeness"].value > 0.9
    assert found.figures["factors nobody moves"].value == 0
    rows = torch.tensor(found.matrices["effects on the true factors"].rows)
    assert rows.argmax(dim=1).tolist() == list(range(len(FACTORS)))
    low, high = found.figures["disentanglement"].low, found.figures["disentanglement"].high
    assert low is not None and high is not None and low <= found.figures["disentanglement"].value <= high


def test_every_measure_says_something_and_everything_said_has_a_meaning():
    generator = PerfectScenes()
    found = evaluate(generator, few(generator), SMALL, data="scenes", name="chance")
    assert found.name == "chance"
    assert found.figures.keys() <= MEANINGS.keys()
    missing = MEANINGS.keys() - found.figures.keys() - {"seconds", "images generated", "orthogonality of layers"}
    assert missing == set()
    assert all(torch.isfinite(torch.tensor(figure.value)) for figure in found.figures.values())
    assert {len(values) for values in found.of_directions.values()} == {2}


@pytest.mark.parametrize("family", TINY)
def test_every_family_is_evaluated_without_real_images(family):
    generator = TINY[family]()
    found = evaluate(generator, few(generator), SMALL, measures=tuple(set(MEASURES) - {"predictability"}))
    assert {"orthogonality", "activity", "activeness", "preservation", "path length in z"} <= found.figures.keys()
    assert ("path length in w" in found.figures) == ("w" in generator.spaces)
    left_out = " ".join(found.notes)
    assert "fidelity was left out" in left_out and "--data" in left_out and "ground-truth was left out" in left_out


def test_identity_is_what_the_recogniser_sees_and_is_left_out_without_one():
    generator = PerfectScenes()
    options = {"measures": ("preservation",), "features": "random"}
    both = evaluate(generator, few(generator), SMALL, **options)
    assert both.figures["preservation of identity"] == both.figures["preservation"]  # the recogniser is the same network
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
    names = ("independence", "activeness", "path-length")
    first, second, other = (evaluate(generator, directions, SMALL, measures=names, seed=seed).described() for seed in (0, 0, 1))
    assert first == second != other
    assert generator.training


def test_the_layers_count_beside_the_image():
    found = evaluate(tiny_stylegan2(), few(tiny_stylegan2()), SMALL, measures=("independence",))
    assert 0 <= found.figures["orthogonality of layers"].value <= 1
    assert found.figures["orthogonality of layers"] != found.figures["orthogonality"]


def test_unknown_measures_and_features_are_refused():
    with pytest.raises(ValueError, match=r"measures must be some of independence.*got beauty"):
        EvaluateConfig(measures=("beauty",))
    with pytest.raises(ValueError, match="features must be one of"):
        evaluate(tiny_stylegan2(), few(tiny_stylegan2()), SMALL, features="nothing")
    with pytest.raises(TypeError):
        evaluate(tiny_stylegan2(), None, SMALL, colour=1)
