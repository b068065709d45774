"""Escapes values for Markdown, so that names from other people's files never become markup."""

import html
import re
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

SPECIAL = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
"""What Markdown may take for markup; an underscore inside a word it does not."""
PLAIN = re.compile(r"[\w./:@+ -]+")
"""What can stand between backticks."""


def template(path: Path) -> Template:
    """Returns a Markdown template in which every value that is not Markup is escaped."""
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": code, "table": table}
    return environment.get_template(path.name)


def escaped(value: object) -> Markup:
    """Returns a value as text of one line that Markdown and HTML show as it is."""
    if isinstance(value, Markup):
        return value
    return Markup(SPECIAL.sub(r"\\\1", html.escape(re.sub(r"\s+", " ", str(value)), quote=False)))


def code(value: object) -> Markup:
    """Returns a value as code, or as escaped text where it has characters that could end the code or a cell."""
    return Markup(f"`{value}`") if PLAIN.fullmatch(str(value)) else escaped(value)


def table(rows: Iterable[Iterable[object]]) -> Markup:
    """Returns a table with cells escaped; the first row is its head."""
    lines = [[f" {escaped(cell)} " if str(cell) else " " for cell in row] for row in rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return Markup("\n".join(f"|{'|'.join(line)}|" for line in lines))
