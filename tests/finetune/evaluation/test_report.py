import base64
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from orojar_finetune.evaluation.report import best, heat, page, svg
from orojar_finetune.measures.findings import Curve, Figure, Findings, Matrix

EVIL = "<script>alert(1)</script>"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.sources = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.sources += [value for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def columns():
    matrix = Matrix(("a factor", "another"), ((0.9, 0.1), (0.0, 0.4)))
    curve = Curve("epoch", (1.0, 2.0, 3.0), {EVIL: (0.1, 0.5, 0.9)})
    good = Findings("good", (EVIL, "size"), {"disentanglement": Figure(0.8, 0.7, 0.9), "activity": Figure(0.2)},
                    {"activity": (Figure(0.3, 0.25, 0.35), Figure(0.1))}, {"effects": matrix}, {"accuracy": curve},
                    ["a note"])  # fmt: skip
    return [good, Findings("bad", (), {"disentanglement": Figure(0.3)})]


def test_the_page_is_well_formed_shows_everything_and_needs_no_network():
    picture = Image.new("RGB", (4, 2), "red")
    text = page(EVIL, columns(), {"seed": 0}, {"good": {"size": picture}})
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "script" not in tags.seen and EVIL not in text
    assert [source[:22] for source in tags.sources] == ["data:image/png;base64,"]
    shown = Image.open(io.BytesIO(base64.b64decode(tags.sources[0].split(",")[1])))
    assert shown.size == (4, 2) and shown.getpixel((0, 0)) == (255, 0, 0)
    for wanted in ("0.8", "0.7 to 0.9", "0.25 to 0.35", "a factor", "a note", "higher is better", "seed: 0"):
        assert wanted in text
    assert "http://" not in text and "https://" not in text


def test_the_best_column_is_marked_where_an_end_is_better():
    found = columns()
    assert best("disentanglement", found) == [0]
    assert best("activity", found) == []
    for one in found:
        one.figures["off_diagonal_share"] = Figure(0.5)
    assert best("off_diagonal_share", found) == [0, 1]
    found[1].figures["off_diagonal_share"] = Figure(0.1)
    assert best("off_diagonal_share", found) == [1]
    assert best("disentanglement", found[:1]) == []


@pytest.mark.parametrize(("value", "top", "lightness"), [(0, 1, 100), (1, 1, 55), (0.5, 1, 78), (0, 0, 100), (2, 1, 55)])
def test_heat_grows_darker_but_stays_readable(value, top, lightness):
    assert heat(value, top) == f"hsl(215 70% {lightness}%)"


def test_a_curve_runs_from_corner_to_corner():
    points = re.search(r'points="([^"]+)"', svg(Curve("x", (0.0, 1.0), {"line": (0.0, 2.0)})))
    assert points is not None
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in points[1].split())
    assert x0 < x1 and y0 > y1  # up, since pictures count downwards
    flat = svg(Curve("x", (3.0,), {"line": (0.0,)}))
    assert "nan" not in flat
