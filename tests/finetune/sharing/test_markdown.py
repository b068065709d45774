"""Names of other people's files in Markdown, seen through a Markdown parser."""

import pytest
from markdown_it import MarkdownIt

from orojar_finetune.sharing.markdown import code, escaped, table, template

NAMES = (
    "<img src=x onerror=alert(1)>",
    "![pixel](https://example.org/x.png)",
    "[here](javascript:alert(1))",
    "`code` **bold** _soft_ ~~gone~~",
    "a|b",
    "a_b_c",
    "back\\slash \\| `",
    "&lt;b&gt; & more",
)


def rendered(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


def shown(text: str) -> str:
    """What a reader sees, given that there is no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_spelled(name):
    assert rendered(f"a {escaped(name)}") == f"<p>a {shown(name)}</p>\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_in_its_cell(name):
    html = rendered(table([["", "other"], [name, code(name)]]))
    assert html.count("<td>") == 2
    assert html.count(f"<td>{shown(name)}</td>") == (1 if code(name).startswith("`") else 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_an_image_is_its_text_alone(name):
    html = rendered(f"![{escaped(name)}](previews/a.png)")
    assert html.count("<img") == 1 and '<img src="previews/a.png"' in html


def test_code_is_for_plain_names_only():
    assert code("user/repo-1.0 @ main") == "`user/repo-1.0 @ main`"
    assert not any("`a" in code(name) for name in ("a`b", "a|b", "a<b", "a\nb"))


def test_lines_and_tabs_of_a_name_become_spaces():
    assert escaped("a\n## b\t c") == "a ## b c"


def test_numbers_and_empty_cells_of_a_table():
    assert table([["", "a"], [0, ""]]) == "| | a |\n|---|---|\n| 0 | |"


def test_every_value_of_a_template_is_escaped(tmp_path):
    (tmp_path / "t.md.jinja").write_text("# {{ name }}{{ ' by ' ~ name if name else '' }}\n{{ name | code }}\n")
    assert template(tmp_path / "t.md.jinja").render(name="<b>*") == "# &lt;b&gt;\\* by &lt;b&gt;\\*\n&lt;b&gt;\\*\n"
