"""Pictures of scores as SVG: bars of the splits beside their baselines, reliability, worst groups."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GREEN, BLUE, GREY, INK = "#145a3c", "#5b8fc7", "#b9bfba", "#222"
_BAR, _LEFT, _WIDE, _TOP = 16, 190, 420, 58


def draw_scores(splits: Mapping[str, Mapping[str, Any]], metric: str = "macro_f1") -> str:
    """Return bars of a metric for each split: the model, a random forest, the commonest class."""
    lines = []
    for name, score in splits.items():
        lines.append((name, "model", score["pooled"][metric], GREEN))
        if score["forest"]:
            lines.append(("", "random forest", score["forest"][metric], BLUE))
        lines.append(("", "commonest class", score["baseline"][metric], GREY))
    title = f"{metric.replace('_f1', ' F1').replace('_', ' ')} by split"
    rows = [(f"{name}: {who}" if name else who, value, colour) for name, who, value, colour in lines]
    return _draw_bars(rows, title)


def draw_groups(groups: Sequence[Mapping[str, Any]], title: str) -> str:
    """Return bars of macro F1 of each group, the worst first."""
    rows = [(f"{line['name']} ({line['support']})", float(line["macro_f1"]), GREEN) for line in groups]
    return _draw_bars(rows, title)


def draw_reliability(calibration: Mapping[str, Any], title: str) -> str:
    """Return a reliability diagram: accuracy over confidence, a point as large as its share of samples."""
    side, left, top = 260, 52, 44
    rows = calibration["reliability"]
    total = max(sum(row["count"] for row in rows), 1)
    width, height = left + side + 24, top + side + 52
    parts = [*_open(width, height, title)]
    parts.append(f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="{GREY}"/>')
    parts.append(
        f'<line x1="{left}" y1="{top + side}" x2="{left + side}" y2="{top}" stroke="{GREY}" '
        'stroke-dasharray="4 4"/>'
    )
    for share in (0, 0.5, 1):
        parts.append(_text(left + share * side, top + side + 16, f"{share:g}", "middle"))
        parts.append(_text(left - 6, top + side - share * side + 4, f"{share:g}", "end"))
    points = [(left + side * row["confidence"], top + side * (1 - row["accuracy"])) for row in rows]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{GREEN}" stroke-width="2"/>')
    for (x, y), row in zip(points, rows, strict=True):
        radius = 3 + 9 * (row["count"] / total) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{GREEN}" fill-opacity="0.55"/>'
        )
    parts.append(_text(left + side / 2, top + side + 36, "confidence (across), accuracy (up)", "middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw_bars(rows: Sequence[tuple[str, float, str]], title: str) -> str:
    height = _TOP + len(rows) * (_BAR + 6) + 12
    parts = [*_open(_LEFT + _WIDE + 60, height, title)]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = _LEFT + share * _WIDE
        parts.append(f'<line x1="{x:g}" y1="{_TOP - 8}" x2="{x:g}" y2="{height - 12}" stroke="#e4e7e4"/>')
        parts.append(_text(x, _TOP - 14, f"{share:g}", "middle"))
    for number, (name, value, colour) in enumerate(rows):
        y = _TOP + number * (_BAR + 6)
        parts.append(_text(_LEFT - 8, y + 12, name, "end"))
        length = _WIDE * min(max(value, 0.0), 1.0)
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>')
        parts.append(_text(_LEFT + length + 6, y + 12, f"{value:.3f}", "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _open(width: int, height: int, title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="22" font-size="14" font-weight="bold" fill="{INK}">{escape(title)}</text>',
    ]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    shown = text if len(text) <= 36 else text[:35] + "…"
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{INK}">{escape(shown)}</text>'
