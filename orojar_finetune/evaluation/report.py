"""report.html: one page with all results, which opens without a network."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from orojar_finetune.measures.findings import MEANINGS, Curve, Findings, digits
from orojar_finetune.measures.findings import title as title_of

TEMPLATE = Path(__file__).parent / "report.html.jinja"
COLORS = ("#3566b8", "#c2571a", "#2a7f4f", "#8c3fa8", "#b02a4a", "#4c8c9c", "#8a7a1f", "#666666", "#d6418f", "#1f4d2e")
WIDTH, HEIGHT, MARGIN = 560, 260, 56


def page(
    title: str,
    columns: Sequence[Findings],
    facts: Mapping[str, object],
    strips: Mapping[str, Mapping[str, Image.Image]] | None = None,
) -> str:
    """The page as HTML: a table of all figures, then for each column its directions, matrices, curves and strips.

    Args:
        facts: what was measured and on what, printed under the title.
        strips: by column, then by direction, a picture of what the direction does.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    names = [name for name in MEANINGS if any(name in column.figures for column in columns)]
    return template.render(
        title=title,
        facts=facts,
        columns=columns,
        names=names,
        meanings=MEANINGS,
        best={name: best(name, columns) for name in names},
        strips={name: {key: encoded(picture) for key, picture in shown.items()} for name, shown in (strips or {}).items()},
        heat=heat,
        digits=digits,
        title_of=title_of,
        svg=svg,
    )


def best(name: str, columns: Sequence[Findings]) -> list[int]:
    """The columns with the best value of a figure; none if there is one column, or if neither lower nor higher is better."""
    values = {i: column.figures[name].value for i, column in enumerate(columns) if name in column.figures}
    better = MEANINGS[name].better
    if len(values) < 2 or not better:
        return []
    wanted = (min if better == "lower" else max)(values.values())
    return [i for i, value in values.items() if value == wanted]


def heat(value: float, top: float) -> str:
    """A color between white and a deep blue on which black text is readable."""
    share = min(max(value / top, 0.0), 1.0) if top > 0 else 0.0
    return f"hsl(215 70% {100 - 45 * share:.0f}%)"


def encoded(picture: Image.Image) -> str:
    """A picture as a PNG in base64."""
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def svg(curve: Curve) -> Markup:
    """A drawing of a curve with labeled axes."""
    low, high = min(curve.x), max(curve.x)
    values = [value for line in curve.lines.values() for value in line]
    bottom, top = min([0.0, *values]), max(values)

    def x(value: float) -> float:
        return MARGIN + (value - low) / ((high - low) or 1) * (WIDTH - 2 * MARGIN)

    def y(value: float) -> float:
        return HEIGHT - MARGIN - (value - bottom) / ((top - bottom) or 1) * (HEIGHT - 2 * MARGIN)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="12" fill="currentColor">',
        f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="currentColor" opacity=".4"/>',
        f'<text x="{MARGIN - 6}" y="{y(top):.0f}" text-anchor="end">{top:.3g}</text>',
        f'<text x="{MARGIN - 6}" y="{y(bottom):.0f}" text-anchor="end">{bottom:.3g}</text>',
        f'<text x="{MARGIN}" y="{HEIGHT - MARGIN + 16}">{low:g}</text>',
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - MARGIN + 16}" text-anchor="end">{high:g}</text>',
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(WIDTH // 2, HEIGHT - MARGIN + 32, curve.axis),
    ]
    for i, (name, line) in enumerate(curve.lines.items()):
        color = COLORS[i % len(COLORS)]
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in zip(curve.x, line, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        legend = '<text x="{}" y="{}" fill="{}">{}</text>'
        parts.append(Markup(legend).format(WIDTH - MARGIN + 2, MARGIN + 13 * i, color, name[:12]))
    return Markup("".join([*parts, "</svg>"]))
