"""What happens when a control of the page moves: plain functions from what the page sends to what it shows.

The page sends None for a number field that is empty or half typed ("-"): then nothing changes.
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
"""The number of the request that a picture on the page answers, and what the picture shows."""
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
    """Returns the image for the current controls, and what is then seen.

    A control out of its range gives a warning and the image stays. An error instead would make gradio drop the events that
    follow, such as the corrected number.

    Args:
        seen: what the page shows now.
        request: number of this request on the page; an overtaken one changes nothing.
        label: class index, or `state.DRAWN`.
        strengths: in sigmas, one per slider.
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
    """Returns the strip of a direction; a control out of its range changes nothing, and `show` warns of it."""
    if seed is None or truncation is None:
        return NOTHING
    try:
        view = state.view_of(seed, truncation, label, set_name, ())
        return _unless_seen(seen, request, (view, direction), lambda: state.strip(model, view, direction))
    except ValueError:
        return NOTHING


def _unless_seen(seen: Seen | None, request: int, wanted: Any, draw: Callable[[], Image.Image]) -> list[Any]:
    """Draws a picture, unless the page already shows it or a later one.

    For a picture that is shown already gradio would write the file again, perhaps while the browser reads it.
    """
    if seen is not None and request < seen[0]:
        return NOTHING
    return [gr.skip() if seen is not None and wanted == seen[1] else draw(), (request, wanted)]


def leave_seed(seed: float | None) -> None:
    """Refuses a seed field that was left empty.

    Raises:
        gr.Error: the field is empty.
    """
    if seed is None:
        raise _shown(ValueError(f"the seed is empty: type a whole number from 0 to {state.LAST_SEED}"))


def draw_seed(rng: random.Random, seed: float | None) -> int:
    """Draws another seed; the image follows it."""
    return state.another_seed(seed, rng)


def reset(sliders: int) -> list[float]:
    """Returns zero for every slider; the image follows them."""
    return [0.0] * sliders


def choose_set(model: OpenModel, sliders: int, name: str) -> list[dict[str, Any]]:
    """Returns the sliders of a direction set, at zero, and its menu of strips.

    Raises:
        gr.Error: no such set.
    """
    try:
        directions = model.directions(name)
    except ValueError as e:
        raise _shown(e) from e
    faces = [gr.update(**slider_face(directions, i)) for i in range(sliders)]
    return [*faces, gr.update(choices=strip_menu(directions), value=0)]


def save_recipe(
    model: OpenModel, seed: float | None, truncation: float | None, label: int, set_name: str | None, *strengths: float | None
) -> str:
    """Returns the recipe of the current controls as JSON; the page offers it as a file.

    Raises:
        gr.Error: a control is empty or out of its range.
    """
    try:
        if seed is None or truncation is None or None in strengths:
            raise ValueError("a field is empty: fill it before saving")
        typed = [strength for strength in strengths if strength is not None]
        return state.recipe_of(model, state.view_of(seed, truncation, label, set_name, typed)).to_json()
    except ValueError as e:
        raise _shown(e) from e


def open_recipe(model: OpenModel, sliders: int, path: str) -> list[Any]:
    """Returns every control for a recipe: seed, truncation, class, set, sliders, menu of strips.

    Raises:
        gr.Error: not a recipe, or one that this model cannot show; then no control changes.
    """
    try:
        view, differences = state.view_of_recipe(model, Recipe.load(path))
        if view.truncation > state.highest_truncation(model.generator):
            raise ValueError(f"truncation must be at most 1 for this generator, the recipe has {view.truncation}")
    except (ValueError, OSError) as e:
        raise _shown(ValueError(str(e))) from e
    for difference in differences:
        gr.Warning(html.escape(difference, quote=False))
    directions = model.sets.get(view.set_name or "")
    if directions is None:
        return [view.seed, view.truncation, view.label, gr.skip(), *[gr.skip()] * sliders, gr.skip()]
    strengths = (*view.strengths, *[0.0] * sliders)
    faces = [gr.update(**slider_face(directions, i, strengths[i])) for i in range(sliders)]
    menu = gr.update(choices=strip_menu(directions), value=0)
    return [view.seed, view.truncation, view.label, view.set_name, *faces, menu]


def slider_face(directions: Directions, i: int, strength: float = 0.0) -> dict[str, Any]:
    """Returns the properties of slider i for a direction set; a slider without a direction is hidden."""
    if i >= len(directions):
        return {"visible": False, "value": 0.0}
    return {"visible": True, "value": strength, "label": directions.names[i], "info": state.about(directions, i)}


def strip_menu(directions: Directions) -> list[tuple[str, int]]:
    """Returns the directions by name, for the menu above the strip."""
    return [(name, i) for i, name in enumerate(directions.names)]


def _shown(error: ValueError) -> gr.Error:
    # the page renders messages as HTML, and names in them may come from someone else's file
    return gr.Error(html.escape(str(error), quote=False), print_exception=False)
