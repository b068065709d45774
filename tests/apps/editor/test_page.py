import dataclasses

import gradio as gr
import pytest

from orojar_apps.editor import page
from orojar_apps.editor.state import OpenModel
from tiny import tiny_pggan, tiny_stylegan2


def found(blocks: gr.Blocks, elem_id: str):
    return next(block for block in blocks.blocks.values() if block.elem_id == elem_id)


def ids(blocks: gr.Blocks) -> set[str]:
    return {block.elem_id for block in blocks.blocks.values() if block.elem_id}


def test_there_is_a_slider_for_every_direction_of_the_largest_set_and_the_first_set_shows(model, built):
    blocks = built(lambda: page.layout(model))
    sliders = [found(blocks, f"direction-{i}") for i in range(5)]
    assert [slider.visible for slider in sliders] == [True, True, True, False, False]
    assert [(slider.minimum, slider.maximum, slider.step, slider.value) for slider in sliders] == [(-4, 4, 0.1, 0)] * 5
    assert [slider.label for slider in sliders[:3]] == ["axis 0", "axis 1", "axis 2"]
    assert sliders[0].info == "activity 1"
    assert "direction-5" not in ids(blocks)
    assert found(blocks, "set").value == "three"


def test_without_directions_the_page_says_what_to_type(model, built):
    blocks = built(lambda: page.layout(OpenModel("my models/cats.pkl", model.generator)))
    assert "<pre>orojar discover 'my models/cats.pkl'</pre>" in found(blocks, "note").value
    assert not found(blocks, "edit").visible
    assert not found(blocks, "strip-side").visible


def test_a_complaint_about_directions_is_shown_as_text(model, built):
    complaining = dataclasses.replace(model, sets={}, complaint="<directions.json> is damaged")
    blocks = built(lambda: page.layout(complaining))
    assert "<p>&lt;directions.json&gt; is damaged</p>" in found(blocks, "note").value


def test_the_class_menu_shows_for_conditional_generators_only(model, built):
    assert not found(built(lambda: page.layout(model)), "class").visible
    conditional = OpenModel("classes", tiny_stylegan2(num_classes=3))
    menu = found(built(lambda: page.layout(conditional)), "class")
    assert menu.visible
    assert menu.choices == [("drawn by the seed", -1), ("0", 0), ("1", 1), ("2", 2)]


def test_truncation_is_offered_where_it_shows(model, built):
    assert found(built(lambda: page.layout(model)), "truncation").visible
    assert not found(built(lambda: page.layout(OpenModel("progan", tiny_pggan()))), "truncation").visible


@pytest.mark.parametrize("make", [page.layout, lambda _: page.failure("m", "why")], ids=["editor", "failure"])
def test_nothing_is_reported_to_gradio(model, built, make):
    assert built(lambda: make(model)).analytics_enabled is False


def test_no_action_of_the_page_is_offered_as_an_api(model, built):
    config = built(lambda: page.layout(model)).get_config_file()
    assert {dependency["api_visibility"] for dependency in config["dependencies"]} == {"private"}


def test_pictures_are_downloaded_as_png_at_full_resolution(model, built):
    image = found(built(lambda: page.layout(model)), "image")
    assert (image.format, "download" in image.buttons) == ("png", True)
