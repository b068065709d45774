"""The editor's page: the image and the strip of a direction on the left, the controls on the right."""

import html
import random
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from orojar_apps.editor import actions, state
from orojar_apps.editor.state import OpenModel
from orojar_finetune import Directions
from orojar_finetune.images import render

LEGEND = (
    "Strengths are in sigmas, the standard deviations of the latent along each direction. Activity: how much one sigma "
    "changes the image; two unrelated images differ by 2."
)
CACHE_SECONDS = 3600
"""Pictures older than this are deleted from the disk, this often."""
ENLARGED_BELOW = 512
"""Images of fewer pixels a side are shown enlarged, each pixel a square."""
FOLLOW: dict[str, Any] = {
    "trigger_mode": "always_last",
    "concurrency_limit": 1,
    "concurrency_id": "generator",
    "show_progress": "hidden",
    "api_visibility": "private",
    "preprocess": False,
}
"""Options of an event on a control: one at a time; positions in between may be skipped, the last one never. Numbers arrive as
typed, because gradio's own checks fail on a half-typed one; `state` checks them."""

UPLOAD: dict[str, Any] = {**FOLLOW, "preprocess": True}
"""Options of an upload: gradio first writes the file where it can be read."""
NUMBERED = """(seen, number, ...values) => {
  window.requested = (window.requested ?? 0) + 1;
  return [seen, window.requested, ...values];
}"""
"""Numbers the requests of a page: an action that moves several controls requests one image for each, and requests may overtake
each other."""
DOWNLOAD = """(text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
  link.download = "recipe.json";
  link.click();
  URL.revokeObjectURL(link.href);
}"""
"""Hands the browser a recipe as a file."""


@dataclass(frozen=True)
class Parts:
    """The components that events connect."""

    image: gr.Image
    direction: gr.Dropdown
    strip: gr.Image
    label: gr.Dropdown
    seed: gr.Number
    another: gr.Button
    truncation: gr.Slider
    set_name: gr.Dropdown
    reset: gr.Button
    sliders: list[gr.Slider]
    save: gr.Button
    opened: gr.UploadButton
    recipe: gr.Textbox


def layout(model: OpenModel) -> gr.Blocks:
    """Builds the page of an open model."""
    title = f"{model.name} - OroJaR editor"
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        with gr.Row(elem_id="editor"):
            with gr.Column(scale=5, min_width=360, elem_id="seen"):
                seen = _seen(model)
            with gr.Column(scale=6, min_width=420, elem_id="controls"):
                gr.HTML(_heading(model), elem_id="heading")
                sample, edit, recipe = _sample(model), _edit(model), _recipe()
        parts = Parts(*seen, *sample, *edit, *recipe)
        _connect(page, model, parts)
    return page


def failure(source: str, message: str) -> gr.Blocks:
    """Builds a page that says why a source cannot be opened."""
    with gr.Blocks(title="OroJaR editor", analytics_enabled=False) as page:
        gr.HTML(f"<h1>{html.escape(source)} cannot be opened</h1><p>{html.escape(message)}</p>", elem_id="failure")
    return page


def _connect(page: gr.Blocks, model: OpenModel, parts: Parts) -> None:
    shown = [parts.seed, parts.truncation, parts.label, parts.set_name]
    changes = [control.change for control in (parts.seed, parts.truncation, parts.label, *parts.sliders)]
    stand = [*shown, *parts.sliders]
    show = _answered(partial(actions.show, model), stand, parts.image)
    gr.on([page.load, *changes], **show)
    parts.seed.blur(actions.leave_seed, parts.seed, None, **FOLLOW)
    parts.another.click(partial(actions.draw_seed, random.SystemRandom()), parts.seed, parts.seed, **FOLLOW)
    count = len(parts.sliders)
    saved = parts.save.click(partial(actions.save_recipe, model), stand, parts.recipe, **FOLLOW)
    saved.success(None, parts.recipe, None, js=DOWNLOAD, api_visibility="private")
    faces = [*parts.sliders, parts.direction]
    opened = parts.opened.upload(partial(actions.open_recipe, model, count), parts.opened, [*shown, *faces], **UPLOAD)
    opened.success(**show)  # a recipe that differs in nothing but its set changes no other control
    if not model.sets:
        return
    parts.reset.click(partial(actions.reset, count), None, parts.sliders, **FOLLOW)
    # a strip costs seven images, so it waits until a drag of the truncation ends
    restrip = [page.load, parts.seed.change, parts.truncation.release, parts.label.change, parts.direction.change]
    explain = _answered(partial(actions.show_strip, model), [*shown, parts.direction], parts.strip)
    gr.on(restrip, **explain)
    opened.success(**explain)
    # `input`, not `change`: a recipe that changes the set also sets the sliders
    chosen = parts.set_name.input(partial(actions.choose_set, model, count), parts.set_name, faces, **FOLLOW)
    chosen.success(**explain)


def _answered(action: Callable[..., list[Any]], inputs: list[Any], picture: gr.Image) -> dict[str, Any]:
    """Returns an event that shows a picture and passes its action what is seen and the number of the request."""
    seen, number = gr.State(None), gr.Number(visible="hidden")
    return {"fn": action, "inputs": [seen, number, *inputs], "outputs": [picture, seen], "js": NUMBERED, **FOLLOW}


def _seen(model: OpenModel) -> tuple[gr.Image, gr.Dropdown, gr.Image]:
    image = gr.Image(
        format="png",
        show_label=False,
        buttons=["download", "fullscreen"],
        container=False,
        elem_id="image",
        elem_classes=["crisp"] if model.generator.resolution < ENLARGED_BELOW else [],
        alt_text="The image for the current controls",
    )
    menu = actions.strip_menu(next(iter(model.sets.values()))) if model.sets else []
    with gr.Column(visible=bool(model.sets), elem_id="strip-side"):
        direction = gr.Dropdown(
            menu,
            value=0 if menu else None,
            label="What a direction does to this seed",
            elem_id="strip-direction",
            elem_classes=["inline"],
        )
        strip = gr.Image(format="png", show_label=False, buttons=["download"], container=False, elem_id="strip")
        scale = "".join(f"<span>{s:+g} σ</span>" if s else "<span>0</span>" for s in render.STRENGTHS)
        gr.HTML(scale, elem_id="strip-scale")
    return image, direction, strip


def _sample(model: OpenModel) -> tuple[gr.Dropdown, gr.Number, gr.Button, gr.Slider]:
    classes = model.generator.num_classes
    label = gr.Dropdown(
        [("drawn by the seed", state.DRAWN), *((str(i), i) for i in range(classes))],
        value=state.DRAWN,
        label="Class",
        visible=classes > 0,
        elem_id="class",
        elem_classes=["inline"],
    )
    with gr.Row(elem_id="sample"):
        seed = gr.Number(0, label="Seed", min_width=120, elem_id="seed")
        another = gr.Button("Random", size="md", min_width=100, scale=0, elem_id="random")
        truncation = gr.Slider(
            0,
            state.highest_truncation(model.generator),
            1.0,
            step=0.05,
            label="Truncation",
            visible=model.generator.truncates,
            buttons=["reset"],
            scale=2,
            min_width=240,
            elem_id="truncation",
        )
    return label, seed, another, truncation


def _edit(model: OpenModel) -> tuple[gr.Dropdown, gr.Button, list[gr.Slider]]:
    names = list(model.sets)
    with gr.Row(visible=bool(names), elem_id="edit"):
        set_name = gr.Dropdown(names, value=names[0] if names else None, label="Direction set", elem_id="set")
        reset = gr.Button("Reset edits", size="md", min_width=110, scale=0, elem_id="reset")
    with gr.Column(elem_id="directions"):
        # as many as the largest set needs: choosing another set only relabels, hides and shows them
        sliders = [_slider(model.sets[names[0]], i) for i in range(max(map(len, model.sets.values()), default=0))]
    if names:
        gr.HTML(f"<p>{LEGEND}</p>", elem_id="legend")
    else:
        gr.HTML(_no_directions(model), elem_id="note")
    return set_name, reset, sliders


def _recipe() -> tuple[gr.Button, gr.UploadButton, gr.Textbox]:
    with gr.Row(elem_id="recipe"):
        save = gr.Button("Save recipe", size="md", min_width=140, scale=0, elem_id="save-recipe")
        opened = gr.UploadButton("Open recipe", file_types=[".json"], size="md", min_width=140, scale=0, elem_id="open-recipe")
        text = gr.Textbox(visible="hidden", elem_id="recipe-text")
    return save, opened, text


def _slider(directions: Directions, i: int) -> gr.Slider:
    limit = state.STRENGTH_LIMIT
    face = actions.slider_face(directions, i)
    return gr.Slider(-limit, limit, step=0.1, buttons=["reset"], elem_id=f"direction-{i}", elem_classes=["direction"], **face)


def _heading(model: OpenModel) -> str:
    generator = model.generator
    facts = [generator.family, f"{generator.resolution} x {generator.resolution}"]
    if generator.source_facts is not None:
        facts.append(f"license {generator.source_facts.license or 'not stated'}")
    return f"<h1>{html.escape(model.name)}</h1><p>{html.escape(', '.join(facts))}</p>"


def _no_directions(model: OpenModel) -> str:
    typed = f"orojar discover {shlex.quote(model.source)}"
    why = f"<p>{html.escape(model.complaint)}</p>" if model.complaint else ""
    return f"<h2>No directions yet</h2>{why}<p>To find some, type</p><pre>{html.escape(typed, quote=False)}</pre>"
