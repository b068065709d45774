"""What happens when a control of the page moves: plain functions from what the page sends to what it shows.

A page sends None for a number field that is empty or half typed ("-"): then everything stays as it is.
"""

import html
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image

from orojar_apps.editor import state
from orojar_apps.editor.state import OpenModel
from orojar_finetune import Directions, Recipe

Seen = tuple[int, Any]
"""The number of the request that a picture on the page answered, and what the picture shows."""
NOTHING: list[Any] = [gr.skip(), gr.skip()]
"""Leaves a picture, and what the page remembers of it, as they are."""


def show(
    model: OpenModel,
    seen: Seen | None,
    request: int,
    seed: float | None,
    truncation: float | None,
    label: int,
    set_name: str | None,
    *strengths: float | None,
) -> list[Any]:
    """The image of the controls as they stand, and what is then seen.

    Args:
        request: its number on this page; one that a later request has overtaken is not answered.
    Where a control stands where it must not, the page says so and keeps its image. An error would make gradio forget what
    follows, such as the corrected number.
    """
    typed = [strength for strength in strengths if strength is not None]
    if seed is None or truncation is None or len(typed) < len(strengths):
        return NOTHING
    try:
        view = state.view_of(seed, truncation, label, set_name, typed)
        if not any(view.strengths):
            view = replace(view, set_name=None, strengths=())
        return _unless_seen(seen, request, view, lambda: state.picture(model, view))
    except ValueError as e:
        gr.Warning(html.escape(str(e), quote=False))
        return NOTHING


def show_strip(
    model: OpenModel,
    seen: Seen | None,
    request: int,
    seed: float | None,
    truncation: float | None,
    label: int,
    set_name: str | None,
    direction: int,
) -> list[Any]:
    """The strip of the chosen direction; where a control stands wrong the image's own action has said so."""
    if seed is None or truncation is None:
        return NOTHING
    try:
        view = state.view_of(seed, truncation, label, set_name, ())
        return _unless_seen(seen, request, (view, direction), lambda: state.strip(model, view, direction))
    except ValueError:
        return NOTHING


def _unless_seen(seen: Seen | None, request: int, wanted: Any, draw: Callable[[], Image.Image]) -> list[Any]:
    """A picture and what is then seen, unless it is there already or a later one is.

    Of a picture that is there gradio would write the file once more, perhaps while the browser reads it.
    """
    if seen is not None and request < seen[0]:
        return NOTHING
    return [gr.skip() if seen is not None and wanted == seen[1] else draw(), (request, wanted)]


def leave_seed(seed: float | None) -> None:
    """Complains about a seed field that was left empty.

    Raises:
        gr.Error: it was.
    """
    if seed is None:
        raise _said(ValueError(f"the seed is empty: type a whole number from 0 to {state.LAST_SEED}"))


def draw_seed(rng: random.Random, seed: float | None) -> int:
    """Another seed; the image follows it."""
    return state.another_seed(seed, rng)


def reset(sliders: int) -> list[float]:
    """No edits: zero for every slider; the image follows them."""
    return [0.0] * sliders


def choose_set(model: OpenModel, sliders: int, name: str) -> list[dict[str, Any]]:
    """New faces for the sliders, at zero, and for the menu of strips.

    Raises:
        gr.Error: no such set.
    """
    try:
        directions = model.directions(name)
    except ValueError as e:
        raise _said(e) from e
    faces = [gr.update(**slider_face(directions, i)) for i in range(sliders)]
    return [*faces, gr.update(choices=strip_menu(directions), value=0)]


def save_recipe(
    model: OpenModel, seed: float | None, truncation: float | None, label: int, set_name: str | None, *strengths: float | None
) -> str:
    """The recipe of the controls as they stand, as JSON; the page offers it as a file.

    Raises:
        gr.Error: a control stands where it must not.
    """
    try:
        if seed is None or truncation is None or None in strengths:
            raise ValueError("a field is empty: fill it before saving")
        typed = [strength for strength in strengths if strength is not None]
        return state.recipe_of(model, state.view_of(seed, truncation, label, set_name, typed)).to_json()
    except ValueError as e:
        raise _said(e) from e


def open_recipe(model: OpenModel, sliders: int, path: str) -> list[Any]:
    """Where every control stands for a recipe: seed, truncation, class, set, faces of the sliders, menu of strips.

    Raises:
        gr.Error: no recipe, or one that cannot be shown on this model; then nothing moves.
    """
    try:
        view, said = state.view_of_recipe(model, Recipe.load(path))
        if view.truncation > state.highest_truncation(model.generator):
            raise ValueError(f"this generator has no truncation above 1, the recipe asks for {view.truncation}")
    except (ValueError, OSError) as e:
        raise _said(ValueError(str(e))) from e
    for sentence in said:
        gr.Warning(html.escape(sentence, quote=False))
    directions = model.sets.get(view.set_name or "")
    if directions is None:
        return [view.seed, view.truncation, view.label, gr.skip(), *[gr.skip()] * sliders, gr.skip()]
    strengths = (*view.strengths, *[0.0] * sliders)
    faces = [gr.update(**slider_face(directions, i, strengths[i])) for i in range(sliders)]
    menu = gr.update(choices=strip_menu(directions), value=0)
    return [view.seed, view.truncation, view.label, view.set_name, *faces, menu]


def slider_face(directions: Directions, i: int, strength: float = 0.0) -> dict[str, Any]:
    """How slider number i looks for a set; one too many is hidden."""
    if i >= len(directions):
        return {"visible": False, "value": 0.0}
    return {"visible": True, "value": strength, "label": directions.names[i], "info": state.about(directions, i)}


def strip_menu(directions: Directions) -> list[tuple[str, int]]:
    """The directions by name, for the menu above the strip."""
    return [(name, i) for i, name in enumerate(directions.names)]


def _said(error: ValueError) -> gr.Error:
    # the page renders a message as HTML, and names inside may come from someone else's file
    return gr.Error(html.escape(str(error), quote=False), print_exception=False)
