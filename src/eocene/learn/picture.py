"""A confusion matrix as SVG, drawn by hand so that no plotting package is needed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_CELL, _LEFT, _TOP = 64, 130, 110
_SHOWN = 18


def draw_confusion(confusion: Sequence[Sequence[int]], names: Sequence[str], title: str) -> str:
    """Return an SVG: rows are the true class, columns the answer, shade is the share of the row."""
    n = len(names)
    width, height = _LEFT + n * _CELL + 90, _TOP + n * _CELL + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for i, (name, row) in enumerate(zip(names, confusion, strict=True)):
        y, total = _TOP + i * _CELL, max(sum(row), 1)
        parts.append(_text(_LEFT - 8, y + _CELL / 2 + 4, name, "end"))
        parts.append(_slanted(_LEFT + i * _CELL + _CELL / 2, _TOP - 8, name))
        for j, count in enumerate(row):
            share = count / total
            x = _LEFT + j * _CELL
            ink = "#fff" if share > 0.55 else "#222"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}" fill="{_shade(share)}"/>'
            )
            parts.append(_text(x + _CELL / 2, y + _CELL / 2, str(count), "middle", ink))
            parts.append(_text(x + _CELL / 2, y + _CELL / 2 + 16, f"{100 * share:.0f} %", "middle", ink))
    parts.append(_text(_LEFT, height - 18, "Across: answer", "start"))
    parts.append(_text(_LEFT, height - 4, "Down: true class", "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _shade(share: float) -> str:
    """From near white to deep green."""
    low, high = (240, 245, 240), (20, 90, 60)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _slanted(x: float, y: float, text: str) -> str:
    """A name above a column; slanted, so that long ones beside each other do not meet."""
    return (
        f'<text x="{x:g}" y="{y:g}" transform="rotate(-35 {x:g} {y:g})" fill="#222">{_shorten(text)}</text>'
    )


def _text(x: float, y: float, text: str, anchor: str, ink: str = "#222") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{ink}">{_shorten(text)}</text>'


def _shorten(text: str) -> str:
    return escape(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
