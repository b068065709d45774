import random

import gradio as gr
import pytest

from orojar_apps.editor import actions, state
from orojar_apps.editor.state import DRAWN, View
from orojar_finetune import Directions, Recipe


def test_the_image_follows_every_control(model):
    shown, seen = actions.show(model, None, 1, 5, 0.7, DRAWN, "three", 0, 2, 0, 0, 0)
    expected = state.picture(model, View(5, 0.7, set_name="three", strengths=(0, 2.0, 0)))
    assert shown.tobytes() == expected.tobytes()
    assert actions.show(model, seen, 2, 5, 0.7, DRAWN, "three", 0, 2, 0, 0, 0) == [gr.skip(), (2, seen[1])]
    again, _ = actions.show(model, seen, 2, 5, 0.7, DRAWN, "three", 0, 1, 0, 0, 0)
    assert again.tobytes() != expected.tobytes()


def test_another_set_without_edits_shows_what_is_there(model):
    _, seen = actions.show(model, None, 1, 5, 1, DRAWN, "three", 0, 0, 0, 0, 0)
    assert actions.show(model, seen, 2, 5, 1, DRAWN, "five", 0, 0, 0, 0, 0) == [gr.skip(), (2, seen[1])]


def test_a_request_that_a_later_one_has_overtaken_changes_nothing(model):
    _, seen = actions.show(model, None, 8, 5, 1, DRAWN, "three", 0, 2, 0, 0, 0)
    assert actions.show(model, seen, 7, 5, 1, DRAWN, "three", 0, 1, 0, 0, 0) == actions.NOTHING
    _, seen = actions.show_strip(model, None, 8, 5, 1, DRAWN, "three", 1)
    assert actions.show_strip(model, seen, 7, 5, 1, DRAWN, "three", 2) == actions.NOTHING


def test_after_a_reset_the_image_is_the_one_without_edits(model):
    edited, seen = actions.show(model, None, 1, 5, 1, DRAWN, "five", 1, 2, 3, 4, -4)
    again, _ = actions.show(model, seen, 2, 5, 1, DRAWN, "five", *actions.reset(5))
    plain, _ = actions.show(model, None, 1, 5, 1, DRAWN, None)
    assert again.tobytes() == plain.tobytes() != edited.tobytes()


def test_a_wrong_seed_is_said_and_shows_nothing(model, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Warning", said.append)
    assert actions.show(model, None, 1, 1.5, 1, DRAWN, "three", 0, 0, 0) == actions.NOTHING
    assert said == ["the seed must be a whole number from 0 to 4294967295, got 1.5"]


def test_markup_in_a_message_is_shown_as_text(model):
    with pytest.raises(gr.Error) as raised:
        actions.choose_set(model, 5, "<b>x</b>")
    assert "'&lt;b&gt;x&lt;/b&gt;'" in raised.value.message


@pytest.mark.parametrize(
    ("seed", "truncation", "strength"), [(None, 1, 0), (0, None, 0), (0, 1, None)], ids=["seed", "truncation", "strength"]
)
def test_a_half_typed_number_leaves_the_image_alone(model, seed, truncation, strength):
    assert actions.show(model, None, 1, seed, truncation, DRAWN, "three", strength, 0, 0) == actions.NOTHING


def test_a_seed_field_that_is_left_empty_is_complained_about():
    actions.leave_seed(0)
    with pytest.raises(gr.Error) as raised:
        actions.leave_seed(None)
    assert "the seed is empty" in raised.value.message


def test_the_strip_is_of_the_chosen_direction_and_stays_where_a_control_is_wrong(model):
    shown, seen = actions.show_strip(model, None, 1, 1, 1, DRAWN, "five", 4)
    assert shown.tobytes() == state.strip(model, View(1, set_name="five"), 4).tobytes()
    assert actions.show_strip(model, seen, 2, 1, 1, DRAWN, "five", 4) == [gr.skip(), (2, seen[1])]
    assert actions.show_strip(model, None, 1, None, 1, DRAWN, "five", 4) == actions.NOTHING
    assert actions.show_strip(model, None, 1, -1, 1, DRAWN, "five", 4) == actions.NOTHING
    other, _ = actions.show_strip(model, seen, 2, 1, 1, DRAWN, "five", 3)
    assert other.tobytes() != shown.tobytes()


def test_the_random_button_gives_another_seed_even_when_the_field_is_empty():
    assert actions.draw_seed(random.Random(0), 3) != 3
    assert 0 <= actions.draw_seed(random.Random(0), None) < state.RANDOM_SEEDS


def test_choosing_a_set_renames_the_sliders_hides_those_too_many_and_starts_at_zero(model):
    *faces, menu = actions.choose_set(model, 5, "three")
    assert [face["visible"] for face in faces] == [True, True, True, False, False]
    assert [face["label"] for face in faces[:3]] == ["axis 0", "axis 1", "axis 2"]
    assert {face["value"] for face in faces} == {0.0}
    assert (menu["choices"], menu["value"]) == ([("axis 0", 0), ("axis 1", 1), ("axis 2", 2)], 0)


def test_the_menu_of_strips_names_directions_by_number(model):
    directions: Directions = model.sets["five"].rename({0: "hue"})
    assert actions.strip_menu(directions)[0] == ("hue", 0)


def test_a_recipe_that_does_not_fit_is_said(model, tmp_path):
    Recipe("m", (0,), direction_set="<b>", edits={"x": 1.0}).save(tmp_path / "wrong.json")
    with pytest.raises(gr.Error) as raised:
        actions.open_recipe(model, 5, str(tmp_path / "wrong.json"))
    assert "'&lt;b&gt;'" in raised.value.message


def test_a_recipe_is_not_saved_while_a_field_is_empty(model):
    with pytest.raises(gr.Error) as raised:
        actions.save_recipe(model, None, 1.0, DRAWN, "three", 0, 0, 0)
    assert "a field is empty" in raised.value.message
