import random

import pytest
import torch

from orojar_apps.editor import state
from orojar_apps.editor.state import DRAWN, OpenModel, View, view_of
from orojar_finetune import CheckpointError, Directions, Recipe, generate_edited, write_model_folder
from orojar_finetune.images import render
from orojar_finetune.latents.editing import latents_of_seeds
from tiny import tiny_biggan_deep, tiny_stylegan2


def pixels(picture):
    return picture.mode, picture.size, picture.tobytes()


def test_a_model_folder_opens_with_all_its_direction_sets(model, model_folder):
    assert list(model.sets) == ["three", "five"]
    assert [len(directions) for directions in model.sets.values()] == [3, 5]
    assert (model.name, model.complaint) == (model_folder.name, "")


def test_a_model_without_directions_opens_without_complaint(tmp_path):
    write_model_folder(tmp_path / "bare", tiny_stylegan2(), previews="none")
    model = state.open_model(str(tmp_path / "bare"))
    assert (model.sets, model.complaint) == ({}, "")


def test_damaged_directions_leave_the_samples_and_a_complaint(tmp_path):
    write_model_folder(tmp_path / "m", tiny_stylegan2(), previews="none")
    (tmp_path / "m" / "directions.json").write_text("{")
    model = state.open_model(str(tmp_path / "m"))
    assert model.sets == {}
    assert "directions.json is not valid JSON" in model.complaint
    assert state.picture(model, View(0)).size == (16, 16)


def test_a_source_that_is_not_there_cannot_be_opened():
    with pytest.raises(CheckpointError, match="nowhere"):
        state.open_model("nowhere")


def test_a_picture_without_edits_is_what_the_generator_makes_of_the_seed(model):
    z, _ = latents_of_seeds(model.generator, [7])
    with torch.no_grad():
        expected = render.to_picture(model.generator(z, truncation=0.5)[0])
    assert pixels(state.picture(model, View(7, truncation=0.5))) == pixels(expected)
    assert pixels(state.picture(model, View(7, 0.5, set_name="five", strengths=(0.0,) * 5))) == pixels(expected)


def test_two_sigmas_on_a_slider_are_two_sigmas_along_its_direction(model):
    z, _ = latents_of_seeds(model.generator, [3])
    edited = generate_edited(model.generator, z, model.sets["five"], {1: 2.0, "coarse 4": -1.5})
    view = View(3, set_name="five", strengths=(0, 2.0, 0, 0, -1.5))
    assert pixels(state.picture(model, view)) == pixels(render.to_picture(edited[0]))
    assert pixels(state.picture(model, view)) != pixels(state.picture(model, View(3)))


def test_strengths_beyond_the_last_direction_of_a_smaller_set_do_nothing(model):
    assert pixels(state.picture(model, View(0, set_name="three", strengths=(1.0, 0, 0, 4.0, 4.0)))) == pixels(
        state.picture(model, View(0, set_name="three", strengths=(1.0,)))
    )


def test_an_unknown_set_is_refused_with_the_names_of_those_there_are(model):
    with pytest.raises(ValueError, match="no direction set is called 'sefa'; there are three, five"):
        state.picture(model, View(0, set_name="sefa"))
    with pytest.raises(ValueError, match="there are none"):
        OpenModel("m", model.generator).directions("three")


def test_the_class_is_the_seeds_own_or_the_chosen_one():
    model = OpenModel("classes", tiny_stylegan2(num_classes=3))
    labels = latents_of_seeds(model.generator, [2])[1]
    assert labels is not None
    seen = [pixels(state.picture(model, View(2, label=label))) for label in range(3)]
    assert len(set(seen)) == 3
    assert pixels(state.picture(model, View(2))) == seen[int(labels)]
    with pytest.raises(ValueError, match="classes 0 to 2, got class 3"):
        state.picture(model, View(2, label=3))


def test_a_strip_is_the_traversal_of_one_direction(model):
    directions = model.sets["three"]
    expected = render.strip(render.traversal(model.generator, directions, 2, [4], truncation=0.7))
    assert pixels(state.strip(model, View(4, 0.7, set_name="three"), 2)) == pixels(expected)


def test_a_strip_shows_the_chosen_class():
    directions = Directions(torch.eye(8)[:1], torch.ones(1), "w", "axes", ("x",), (None,), (1.0,))
    model = OpenModel("classes", tiny_stylegan2(num_classes=3), {"axes": directions})
    strips = {state.strip(model, View(0, label=label, set_name="axes"), 0).tobytes() for label in range(3)}
    assert len(strips) == 3


@pytest.mark.parametrize("seed", [1.5, -1, 2**32, float("nan"), float("inf")])
def test_a_seed_that_is_no_whole_number_in_range_is_refused(seed):
    with pytest.raises(ValueError, match=r"the seed must be a whole number from 0 to 4294967295, got"):
        view_of(seed, 1, state.DRAWN, None, ())


def test_controls_beyond_their_range_are_refused():
    with pytest.raises(ValueError, match=r"truncation must lie between 0 and 1\.2, got 1\.3"):
        view_of(0, 1.3, state.DRAWN, None, ())
    with pytest.raises(ValueError, match=r"strengths must lie between -4 and 4 sigmas, got 9"):
        view_of(0, 1, state.DRAWN, "three", (0, 9))


def test_whole_numbers_are_seeds_however_they_are_written():
    assert view_of(3.0, 1, state.DRAWN, "three", [1]) == View(3, 1.0, state.DRAWN, "three", (1.0,))


def test_a_random_seed_is_never_the_one_shown_and_any_other():
    rng = random.Random(0)
    assert all(state.another_seed(seed, rng) != seed for seed in range(100))
    drawn = [state.another_seed(0, rng) for _ in range(1000)]
    assert min(drawn) >= 1
    assert max(drawn) < state.RANDOM_SEEDS


def test_a_slider_says_how_active_its_direction_is_and_where_it_acts(model):
    assert state.about(model.sets["three"], 2) == "activity 2"
    assert state.about(model.sets["five"], 0) == "activity 1, layers 1 to 2"


def test_a_slider_of_other_weights_says_that_its_activity_is_not_measured(model):
    assert state.about(model.sets["five"].unmeasured(), 0) == "activity not measured, layers 1 to 2"


def test_a_view_becomes_a_recipe_and_a_view_again(model):
    view = View(3, 0.5, set_name="five", strengths=(0, 1.5, 0, 0, -2))
    recipe = state.recipe_of(model, view)
    assert recipe.edits == {"coarse 1": 1.5, "coarse 4": -2}
    assert state.view_of_recipe(model, recipe) == (view, [])
    drawn = recipe.images(model.generator, model.directions("five"))
    assert render.to_picture(drawn[0]).tobytes() == state.picture(model, view).tobytes()


def test_a_recipe_without_edits_shows_the_first_set_at_rest(model):
    recipe = state.recipe_of(model, View(3, set_name="five", strengths=(0, 0, 0, 0, 0)))
    assert (recipe.direction_set, recipe.edits) == (None, {})
    assert state.view_of_recipe(model, Recipe("m", (3,), direction_set="gone"))[0] == View(3, set_name="three")
    assert state.view_of_recipe(model, recipe) == (View(3, set_name="three"), [])


def test_classes_go_into_recipes_and_back():
    classes = OpenModel("classes", tiny_stylegan2(num_classes=3))
    for view in (View(0, label=2), View(0, label=DRAWN)):
        assert state.view_of_recipe(classes, state.recipe_of(classes, view))[0] == view
    with pytest.raises(ValueError, match="class 3, this generator has 3"):
        state.view_of_recipe(classes, Recipe("m", (0,), label=3))


def test_what_the_editor_cannot_show_of_a_recipe_is_said(model):
    _, said = state.view_of_recipe(model, Recipe("m", (1, 2), weights="other", noise=5))
    assert [sentence.split(",")[0] for sentence in said] == [
        "these are not the weights of m that the recipe was made with",
        "the recipe's noise is 5",
        "the recipe has 2 seeds",
    ]


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (Recipe("m", (0,), direction_set="none such", edits={"axis 0": 1.0}), "no direction set"),
        (Recipe("m", (0,), direction_set="three", edits={"hue": 1.0}), "no direction is called 'hue'"),
        (Recipe("m", (0,), direction_set="three", edits={"axis 0": 9.0}), "between -4 and 4 sigmas"),
        (Recipe("m", (0,), truncation=-1.0), "truncation must lie between"),
    ],
)
def test_a_recipe_beyond_the_controls_is_refused(model, recipe, said):
    with pytest.raises(ValueError, match=said):
        state.view_of_recipe(model, recipe)


def test_truncation_ends_at_one_where_it_is_no_straight_line():
    assert state.highest_truncation(tiny_stylegan2()) > 1
    assert state.highest_truncation(tiny_biggan_deep()) == 1
