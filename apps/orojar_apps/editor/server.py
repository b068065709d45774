"""Opens a model and serves its editor."""

from pathlib import Path

import gradio as gr

from orojar_adapters import CheckpointError
from orojar_apps.editor import page
from orojar_apps.editor.state import open_model

STYLE = Path(__file__).with_name("page.css")


def build(source: str, revision: str | None = None) -> gr.Blocks:
    """Builds the editor's page for a model, or a page that says why it cannot be opened.

    Args:
        source: a file, a model folder, `user/repo`, or `user/repo/file.pkl`.
        revision: branch, tag or commit on the Hub.
    """
    try:
        return page.layout(open_model(source, revision))
    except CheckpointError as e:
        return page.failure(source, str(e))


def launch(
    source: str,
    revision: str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    open_browser: bool = False,
    force: bool = False,
) -> None:
    """Opens the editor on a model and serves it until it is stopped.

    Args:
        source: a file, a model folder, `user/repo`, or `user/repo/file.pkl`.
        revision: branch, tag or commit on the Hub.
        host: address to listen on; `0.0.0.0` accepts other machines.
        port: None takes the first free one from 7860.
        share: whether to create a public link through Gradio.
        open_browser: whether to open a browser window.
        force: accept directions that were found on other weights.

    Raises:
        CheckpointError: the generator cannot or must not be read.
        OSError: the port is taken.
    """
    serve(page.layout(open_model(source, revision, force)), host, port, share, open_browser)


def serve(
    blocks: gr.Blocks, host: str = "127.0.0.1", port: int | None = None, share: bool = False, open_browser: bool = False
) -> None:
    """Serves a page in the editor's style until it is stopped; arguments as in `launch`."""
    blocks.launch(
        server_name=host,
        server_port=port,
        share=share,
        inbrowser=open_browser,
        show_error=True,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        theme=gr.themes.Default(
            primary_hue="indigo", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
        ),
        css_paths=STYLE,
    )
