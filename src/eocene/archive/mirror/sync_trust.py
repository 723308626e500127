"""Which prefixes the operator has mirrored from: a repair may go there again, and nowhere else.

Where an item says that a file came from does not count: somebody else may have written it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eocene.archive.fetch import is_remote
from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NAME = ".sources.json"


def trust_sources(folder: Path, prefixes: Iterable[str]) -> None:
    """Add prefixes to those that are kept in a folder."""
    before = read_sources(folder)
    after = sorted({*before, *prefixes})
    if after != before:
        write_json(folder / _NAME, after)


def read_sources(folder: Path) -> list[str]:
    """Return the prefixes that are kept in a folder; none if there is no list, or it is broken."""
    try:
        prefixes = json.loads((folder / _NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [prefix for prefix in prefixes if is_remote(prefix)] if isinstance(prefixes, list) else []
