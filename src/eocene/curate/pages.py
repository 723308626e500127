"""Self-contained HTML pages of reports: no script, nothing fetched, light and dark."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SMALL = 0.0005
_STYLE = """
:root{color-scheme:light dark;--ink:#1d2b2a;--soft:#5c6b6a;--ground:#fff;--line:#d5dedd;--one:#0f766e;
--two:#c2803a;--fault:#b3261e;--panel:#f4f7f7}
@media (prefers-color-scheme:dark){:root{--ink:#e4ecec;--soft:#9fb0af;--ground:#121817;--line:#33403f;
--one:#4fb8ae;--two:#e0a769;--fault:#ff8a80;--panel:#1a2322}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);margin:0 auto;
padding:24px;max-width:1080px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 8px;border-top:1px solid var(--line);
padding-top:16px}h3{font-size:15px;margin:16px 0 4px}p{margin:4px 0}.soft{color:var(--soft)}
.fault{color:var(--fault);font-weight:600}
table{border-collapse:collapse;margin:8px 0}td,th{padding:3px 12px 3px 0;text-align:left;
border-bottom:1px solid var(--line)}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.finds{display:flex;flex-wrap:wrap;gap:0 24px}.find{flex:1 1 100%}.find.few{flex:0 1 300px}
svg{max-width:100%;height:auto}
.sheet{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0}
figure{margin:0;padding:4px;background:var(--panel);border-radius:4px;width:104px}
figure img,figure svg{width:104px;height:104px;display:block;image-rendering:pixelated}
figcaption{font-size:11px;line-height:1.3;overflow-wrap:anywhere;padding-top:2px}
"""


def write_page(title: str, parts: Iterable[str]) -> str:
    """Return a page of parts that are HTML already."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>\n<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def write_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; numbers stand to the right, under the names of their columns."""
    told = [list(row) for row in rows]
    numeric = [any(_is_number(row[at]) for row in told if at < len(row)) for at in range(len(head))]
    marks = [" class=n" if number else "" for number in numeric]
    cells = "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in zip(head, marks, strict=True))
    lines = []
    for row in told:
        parts = (f"<td{mark}>{escape(format_value(v))}</td>" for v, mark in zip(row, marks, strict=False))
        lines.append(f"<tr>{''.join(parts)}</tr>")
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def format_value(value: object) -> str:
    """Return a text for a cell: fractions with as many decimals as make four digits, at most three."""
    if not isinstance(value, float) or not math.isfinite(value):
        return f"{value:,}" if isinstance(value, int) else str(value)
    size = abs(value)
    if 0 < size < _SMALL:
        return f"{value:.2e}"
    decimals = next((digits for digits, limit in enumerate((1000, 100, 10)) if size >= limit), 3)
    return f"{value:,.{decimals}f}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
