"""Self-contained HTML pages of reports: no script, nothing fetched, light and dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    """Return a table; numbers stand to the right."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = []
    for row in rows:
        parts = []
        for value in row:
            number = isinstance(value, int | float)
            shown = f"{value:,.3g}" if isinstance(value, float) else str(value)
            parts.append(f"<td{' class=n' if number else ''}>{escape(shown)}</td>")
        lines.append(f"<tr>{''.join(parts)}</tr>")
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
