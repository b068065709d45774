"""`orojar edit`. The editor's package depends on this one, so it is imported by name."""

import importlib

from orojar_finetune.verbs import Edit


def run(options: Edit) -> None:
    """Opens the editor and serves it until it is stopped."""
    server = importlib.import_module("orojar_apps.editor.server")
    server.launch(
        options.source, options.revision, options.host, options.port, options.share, options.open_browser, options.force
    )
