"""The editor's page: the image and what a direction does to it on the left, the controls on the right."""

import html
import random
import shlex
from functools import partial
from typing import Any

import gradio as gr

from orojar_apps.editor import actions, state
from orojar_apps.editor.state import OpenModel
from orojar_finetune import render

LEGEND = (
    "Strengths are in sigmas, the standard deviations of the latent along each direction. Activity: how much one sigma "
    "changes the image; two unrelated images differ by 2."
)
CACHE_SECONDS = 3600
"""How often pictures older than this are deleted from the disk."""
ENLARGED_BELOW = 512
"""Pixels; smaller images are shown larger than they are, each pixel a square."""
QUEUE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "generator", "api_visibility": "private"}
FOLLOW: dict[str, Any] = {**QUEUE, "trigger_mode": "always_last", "show_progress": "hidden"}
"""For pictures that follow a control: one at a time, in-between positions may be left out, the last one never."""


def layout(model: OpenModel) -> gr.Blocks:
    """The page of an open model."""
    count = max((len(directions) for directions in model.sets.values()), default=0)
    first = next(iter(model.sets), None)
    title = f"{model.name} - OroJaR editor"
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        with gr.Row(elem_id="editor"):
            with gr.Column(scale=5, min_width=360, elem_id="seen"):
                image = _image(model)
                with gr.Column(visible=first is not None, elem_id="strip-side"):
                    direction = gr.Dropdown(
                        actions.strip_menu(model.sets[first]) if first else [],
                        value=0 if first else None,
                        label="What a direction does to this seed",
                        elem_id="strip-direction",
                    )
                    strip = gr.Image(format="png", show_label=False, buttons=["download"], container=False, elem_id="strip")
                    gr.HTML(
                        "".join(f"<span>{s:+g} σ</span>" if s else "<span>0</span>" for s in render.STRENGTHS),
                        elem_id="strip-scale",
                    )
            with gr.Column(scale=6, min_width=420, elem_id="controls"):
                gr.HTML(_heading(model), elem_id="heading")
                with gr.Row(elem_id="sample"):
                    seed = gr.Number(0, label="Seed", min_width=120, elem_id="seed")
                    another = gr.Button("Random", size="md", min_width=110, scale=0, elem_id="random")
                    label = gr.Dropdown(
                        [("drawn by the seed", state.DRAWN), *((str(i), i) for i in range(model.generator.num_classes))],
                        value=state.DRAWN,
                        label="Class",
                        visible=model.generator.num_classes > 0,
                        min_width=120,
                        elem_id="class",
                    )
                    truncation = gr.Slider(
                        0, state.HIGHEST_TRUNCATION, 1.0, step=0.05, label="Truncation", buttons=["reset"], elem_id="truncation"
                    )
                with gr.Row(visible=first is not None, elem_id="edit"):
                    chosen = gr.Dropdown(list(model.sets), value=first, label="Direction set", elem_id="set")
                    undo = gr.Button("Reset edits", size="md", min_width=110, scale=0, elem_id="reset")
                with gr.Column(elem_id="directions"):
                    sliders = [_slider(model, first, i) for i in range(count)]
                if first is not None:
                    gr.HTML(f"<p>{LEGEND}</p>", elem_id="legend")
                else:
                    gr.HTML(_no_directions(model), elem_id="note")

        shown = [seed, truncation, label, chosen]
        # gradio's own checks stumble over a half-typed number, so numbers arrive raw and the state checks them
        raw: dict[str, Any] = {**FOLLOW, "preprocess": False}
        follow = partial(actions.show, model)
        moved = [control.change for control in (seed, truncation, label, *sliders)]
        gr.on([page.load, *moved], follow, [*shown, *sliders], image, **raw)
        seed.blur(actions.leave_seed, seed, None, **raw)
        another.click(partial(actions.draw_seed, random.SystemRandom()), seed, seed, **raw)
        if first is not None:
            undo.click(partial(actions.reset, count), None, sliders, **raw)
            explain = partial(actions.show_strip, model)
            of_seed = [page.load, seed.change, truncation.release, label.change, direction.change]
            gr.on(of_seed, explain, [*shown, direction], strip, **raw)
            faces = chosen.change(partial(actions.choose_set, model, count), chosen, [*sliders, direction], **raw)
            faces.success(explain, [*shown, direction], strip, **raw)
    return page


def failure(source: str, message: str) -> gr.Blocks:
    """A page that says why nothing can be edited."""
    with gr.Blocks(title="OroJaR editor", analytics_enabled=False) as page:
        gr.HTML(f"<h1>{html.escape(source)} cannot be opened</h1><p>{html.escape(message)}</p>", elem_id="failure")
    return page


def _image(model: OpenModel) -> gr.Image:
    crisp = ["crisp"] if model.generator.resolution < ENLARGED_BELOW else []
    return gr.Image(
        format="png",
        show_label=False,
        buttons=["download", "fullscreen"],
        container=False,
        elem_id="image",
        elem_classes=crisp,
        alt_text="The image of the controls as they stand",
    )


def _slider(model: OpenModel, first: str | None, i: int) -> gr.Slider:
    face = actions.slider_face(model.sets[first], i) if first else {}
    limit = state.STRENGTH_LIMIT
    return gr.Slider(-limit, limit, step=0.1, buttons=["reset"], elem_id=f"direction-{i}", elem_classes=["direction"], **face)


def _heading(model: OpenModel) -> str:
    generator = model.generator
    facts = [generator.family, f"{generator.resolution} x {generator.resolution}"]
    if generator.source_facts is not None:
        facts.append(f"licence {generator.source_facts.license or 'not stated'}")
    return f"<h1>{html.escape(model.name)}</h1><p>{html.escape(', '.join(facts))}</p>"


def _no_directions(model: OpenModel) -> str:
    typed = f"orojar discover {shlex.quote(model.source)}"
    why = f"<p>{html.escape(model.complaint)}</p>" if model.complaint else ""
    return f"<h2>No directions yet</h2>{why}<p>To find some, type</p><pre>{html.escape(typed, quote=False)}</pre>"
