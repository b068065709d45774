"""The editor in a real browser, and what happens to a model that cannot be opened."""

import io
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from orojar_apps.editor import server, state
from orojar_apps.editor.state import OpenModel, View
from orojar_finetune import CheckpointError, Recipe

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LAUNCH = """
import _thread, signal, sys, threading
from orojar_apps.editor.server import launch

signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background passes on that it is ignored
threading.Thread(target=lambda: (sys.stdin.read(), _thread.interrupt_main()), daemon=True).start()
launch(sys.argv[1], port=int(sys.argv[2]))
"""
"""The editor until its input ends, as it does even when the test run is killed."""
PATIENCE_MS = 30_000
"""A page answers within these, even on a busy machine."""


def test_launching_something_that_cannot_be_read_raises_before_anything_is_served():
    with pytest.raises(CheckpointError, match="nowhere"):
        server.launch("nowhere")


def test_a_page_for_something_that_cannot_be_read_says_why(built):
    blocks = built(lambda: server.build("no<where>"))
    text = next(block.value for block in blocks.blocks.values() if block.elem_id == "failure")
    assert "no&lt;where&gt; cannot be opened" in text
    assert "neither" in text


@pytest.fixture(scope="module")
def address(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the editor answers; it runs as it does for a user, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-u", "-c", LAUNCH, str(model_folder), str(port)]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("pictures"))}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(words, env=environment, text=True, **pipes) as process:
        try:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            while said[-1] and "Running on local URL" not in said[-1]:
                said.append(process.stdout.readline())
            assert said[-1], "".join(said)
            yield f"http://127.0.0.1:{port}"
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome is installed")
    home = str(tmp_path_factory.mktemp("home"))
    with sync_playwright() as playwright:
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=environment)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The editor on a laptop's screen, its first image shown."""
    with browser.new_page(viewport={"width": 1366, "height": 768}) as page:
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.wait_for_selector("#image img")
        yield page


def src(page: Page, elem_id: str = "image") -> str:
    return page.locator(f"#{elem_id} img").get_attribute("src") or ""


def wait_for_another(page: Page, old: str, elem_id: str = "image") -> None:
    expect(page.locator(f"#{elem_id} img")).not_to_have_attribute("src", old, timeout=PATIENCE_MS)


def wait_for_original(page: Page, original: str) -> None:
    expect(page.locator("#image img")).to_have_attribute("src", original, timeout=PATIENCE_MS)


def wait_for_picture(page: Page, model: OpenModel, view: View) -> None:
    """Until the page shows the picture of a view to the last bit; pictures of positions in between may come first."""
    wanted, seen = state.picture(model, view), ""
    while True:
        wait_for_another(page, seen)
        seen = src(page)
        with Image.open(io.BytesIO(page.request.get(seen).body())) as image:
            assert (image.format, image.size) == ("PNG", wanted.size)
            if image.tobytes() == wanted.tobytes():
                return


def slide(page: Page, elem_id: str, value: float) -> None:
    handle = page.locator(f"#{elem_id} input[type=range]")
    handle.fill(str(value))
    handle.dispatch_event("pointerup")


def test_a_slider_moves_the_image_along_its_direction_and_reset_brings_it_back(page, model):
    wait_for_picture(page, model, View(0))
    original = src(page)
    slide(page, "direction-1", 2)
    wait_for_picture(page, model, View(0, set_name="three", strengths=(0, 2.0, 0)))
    page.locator("#reset").click()
    wait_for_original(page, original)
    assert page.locator("#direction-1 input[type=range]").input_value() == "0"


def test_one_slider_alone_can_be_typed_and_put_back(page, model):
    original = src(page)
    field = page.locator("#direction-0 input[type=number]")
    field.fill("")
    field.press("-")
    field.fill("-2.5")
    wait_for_picture(page, model, View(0, set_name="three", strengths=(-2.5,)))
    page.locator("#direction-0 .reset-button").click()
    wait_for_original(page, original)
    expect(page.locator(".toast-body")).to_have_count(0)


def test_truncation_moves_the_image_and_the_strip(page, model):
    page.wait_for_selector("#strip img")
    strip = src(page, "strip")
    slide(page, "truncation", 0.5)
    wait_for_picture(page, model, View(0, truncation=0.5))
    wait_for_another(page, strip, "strip")


def test_the_random_button_shows_another_seed(page, model):
    page.wait_for_selector("#strip img")
    strip = src(page, "strip")
    page.locator("#random").click()
    expect(page.locator("#seed input")).not_to_have_value("0", timeout=PATIENCE_MS)
    wait_for_picture(page, model, View(int(page.locator("#seed input").input_value())))
    wait_for_another(page, strip, "strip")


def test_a_seed_that_is_no_whole_number_gets_a_sentence_and_the_image_stays(page, model):
    original = src(page)
    page.locator("#seed input").fill("1.5")
    expect(page.locator(".toast-body")).to_contain_text("the seed must be a whole number", timeout=PATIENCE_MS)
    assert src(page) == original
    page.locator("#seed input").fill("3")
    wait_for_picture(page, model, View(3))


def test_a_seed_field_that_is_left_empty_gets_a_sentence(page):
    page.locator("#seed input").fill("")
    page.locator("#seed input").blur()
    expect(page.locator(".toast-body")).to_contain_text("the seed is empty", timeout=PATIENCE_MS)


def test_choosing_another_set_brings_its_sliders_and_strips(page, model):
    expect(page.locator(".direction")).to_have_count(3)
    page.wait_for_selector("#strip img")
    original, strip = src(page), src(page, "strip")
    slide(page, "direction-2", 1)
    wait_for_another(page, original)
    page.locator("#set input").click()
    page.get_by_role("option", name="five").click()
    expect(page.locator(".direction")).to_have_count(5, timeout=PATIENCE_MS)
    expect(page.locator("#direction-2")).to_contain_text("coarse 2")
    wait_for_original(page, original)
    wait_for_another(page, strip, "strip")

    slide(page, "direction-4", -3)
    wait_for_picture(page, model, View(0, set_name="five", strengths=(0, 0, 0, 0, -3.0)))
    strip = src(page, "strip")
    page.locator("#strip-direction input").click()
    page.get_by_role("option", name="coarse 4").click()
    wait_for_another(page, strip, "strip")


def test_the_picture_shown_is_the_one_offered_for_download(page):
    link = page.locator("#image a[download]")
    assert link.get_attribute("href") == src(page)
    assert (link.get_attribute("download") or "").endswith(".png")


def test_the_image_and_the_first_sliders_fit_on_a_laptops_screen(page):
    page.wait_for_selector("#strip img")
    for elem_id in ("image", "seed", "truncation", "set", "reset", "direction-0", "direction-2", "strip"):
        box = page.locator(f"#{elem_id}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1366
        assert box["y"] + box["height"] <= 768, elem_id


def test_the_page_asks_nobody_but_its_own_server(page, address):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector("#image img")
    assert asked
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def open_recipe(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as choosing:
        page.locator("#open-recipe").click()
    choosing.value.set_files(path)


def test_a_recipe_is_downloaded_and_opened_again(page, model, tmp_path):
    original = src(page)
    slide(page, "direction-1", 2)
    slide(page, "truncation", 0.7)
    saved = View(0, 0.7, set_name="three", strengths=(0, 2.0, 0))
    wait_for_picture(page, model, saved)
    with page.expect_download() as downloading:
        page.locator("#save-recipe").click()
    assert downloading.value.suggested_filename == "recipe.json"
    downloading.value.save_as(tmp_path / "recipe.json")
    assert Recipe.load(tmp_path / "recipe.json") == state.recipe_of(model, saved)
    page.locator("#reset").click()
    slide(page, "truncation", 1)
    wait_for_original(page, original)
    open_recipe(page, tmp_path / "recipe.json")
    wait_for_picture(page, model, saved)
    assert page.locator("#direction-1 input[type=range]").input_value() == "2"
    expect(page.locator(".toast-body")).to_have_count(0)


def test_a_recipe_changes_the_set_and_keeps_its_strengths(page, model, tmp_path):
    wanted = View(4, 1.0, set_name="five", strengths=(0, 0, 0, 1.5, 0))
    state.recipe_of(model, wanted).save(tmp_path / "recipe.json")
    open_recipe(page, tmp_path / "recipe.json")
    wait_for_picture(page, model, wanted)
    expect(page.locator("#set input")).to_have_value("five")
    assert page.locator("#direction-3 input[type=range]").input_value() == "1.5"


def test_a_recipe_that_differs_in_the_set_alone_shows_its_own_picture(page, model, tmp_path):
    slide(page, "direction-1", 1.5)
    wait_for_picture(page, model, View(0, set_name="three", strengths=(0, 1.5, 0)))
    wanted = View(0, 1.0, set_name="five", strengths=(0, 1.5, 0, 0, 0))
    state.recipe_of(model, wanted).save(tmp_path / "recipe.json")
    open_recipe(page, tmp_path / "recipe.json")
    wait_for_picture(page, model, wanted)


def test_a_request_that_is_overtaken_on_its_way_does_not_bring_its_picture_back(page, model, tmp_path):
    wanted = View(4, 1.0, set_name="five", strengths=(0, 0, 0, 1.5, 0))
    state.recipe_of(model, wanted).save(tmp_path / "recipe.json")
    held = []

    def hold(route: Route) -> None:
        # asked for by the seed, before the sliders moved
        if not held and '"five",0,0,0,0,0]' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/queue/join*", hold)
    open_recipe(page, tmp_path / "recipe.json")
    wait_for_picture(page, model, wanted)
    shown = src(page)
    with page.expect_response("**/queue/join*"):
        held[0].continue_()
    page.locator("#strip-direction input").click()
    strip = src(page, "strip")
    page.get_by_role("option", name="coarse 4").click()
    wait_for_another(page, strip, "strip")  # one at a time: so the held request has been dealt with
    assert src(page) == shown


def test_a_file_that_is_not_a_recipe_changes_nothing_and_gives_an_error(page, tmp_path):
    (tmp_path / "other.json").write_text('{"seeds": [1]}')
    before = src(page)
    open_recipe(page, tmp_path / "other.json")
    expect(page.locator(".toast-body")).to_contain_text("not a valid recipe")
    assert src(page) == before
