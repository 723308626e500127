"""What the documents name is there: files, commands of make, codes of errors, public names."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(p for folder in (ROOT, ROOT / "docs", ROOT / "design") for p in folder.glob("*.md"))
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
MAKE = re.compile(r"(?:`|^\$ )make ([a-z][a-z-]*)", re.MULTILINE)
NAME = re.compile(r"`(eocene(?:\.[A-Za-z_]+)+)")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    missing = [target for target in LINK.findall(read(page)) if not (page.parent / target).exists()]
    assert not missing


def test_every_target_of_make_that_is_mentioned_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", read(ROOT / "Makefile"), re.MULTILINE))
    mentioned = {word for page in PAGES for word in MAKE.findall(read(page))}
    assert {"demo", "test", "check", "docs", "bench"} <= mentioned
    assert mentioned <= targets


def test_the_codes_in_the_table_of_errors_are_raised_somewhere() -> None:
    source = "\n".join(read(path) for path in (ROOT / "src").rglob("*.py"))
    rows = [line for line in read(ROOT / "docs" / "errors.md").splitlines() if line.startswith("| `")]
    codes = {code for row in rows for code in re.findall(r"`([A-Z]\w+)`", row.split("|")[1])}
    assert len(codes) > 15
    assert [code for code in sorted(codes) if code not in source] == []


def test_public_names_in_the_reference_exist() -> None:
    for dotted in sorted(set(NAME.findall(read(ROOT / "docs" / "reference.md")))):
        assert resolve(dotted) is not None, dotted


def resolve(dotted: str) -> Any:
    """Return the object of a dotted name: the longest module, then attributes."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name, None)
        return found
    return None
