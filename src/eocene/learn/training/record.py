"""What was measured while training: JSON lines, and curves as SVG."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from eocene.model.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RECORD, CURVES = "record.jsonl", "curves.svg"
_WIDTH, _HEIGHT, _LEFT, _TOP = 560, 300, 60, 40
_COLOURS = ("#145a3c", "#b5651d", "#2b5c8a", "#8a2b5c", "#5c8a2b", "#444444")


def write_record(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write one line an epoch, and the losses as curves."""
    write_text(folder / RECORD, "".join(json.dumps(dict(row)) + "\n" for row in history))
    names = [name for name in ("loss", "check_loss") if history and name in history[0]]
    curves = {name: [row[name] for row in history] for name in names}
    write_text(folder / CURVES, draw_curves(curves, "Loss by epoch"))


def draw_curves(curves: Mapping[str, Sequence[float]], title: str) -> str:
    """Return an SVG of curves over the numbers 1, 2, … of their values, each with its name.

    Parameters
    ----------
    curves : mapping of str to sequence of float
    title : str
    """
    values = [value for curve in curves.values() for value in curve]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    length = max((len(curve) for curve in curves.values()), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + 160}" height="{_HEIGHT + 90}" '
        'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        _text(_LEFT, 22, title, "start", bold=True),
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
    ]
    for share in (0.0, 0.5, 1.0):
        y = _TOP + _HEIGHT * (1 - share)
        parts.append(_text(_LEFT - 6, y + 4, f"{low + share * (high - low):.3g}", "end"))
        parts.append(_text(_LEFT + _WIDTH * share, _TOP + _HEIGHT + 18, f"{1 + share * (length - 1):g}"))
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(_place(i, value, length, low, high) for i, value in enumerate(curve))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        y = _TOP + 16 * (number + 1)
        parts.append(f'<rect x="{_LEFT + _WIDTH + 10}" y="{y - 8}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(_LEFT + _WIDTH + 26, y + 1, name, "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _place(index: int, value: float, length: int, low: float, high: float) -> str:
    x = _LEFT + _WIDTH * index / max(1, length - 1)
    y = _TOP + _HEIGHT * (1 - (value - low) / ((high - low) or 1.0))
    return f"{x:.1f},{y:.1f}"


def _text(x: float, y: float, text: str, anchor: str = "middle", *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="#222"{weight}>{escape(text)}</text>'
