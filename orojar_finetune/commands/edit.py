"""`orojar edit`. The editor stands above this package, so it is found by name."""

import importlib

from orojar_finetune.verbs import Edit


def run(options: Edit) -> None:
    """Opens the editor and stays until it is stopped."""
    server = importlib.import_module("orojar_apps.editor.server")
    server.launch(
        options.source, options.revision, options.host, options.port, options.share, options.open_browser, options.force
    )
