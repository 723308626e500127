"""The page in a headless Chromium, against the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser


def test_the_page_shows_map_curve_jobs_and_answers_without_any_other_server(
    visit: Callable[[str], dict[str, Any]],
) -> None:
    seen = visit("page.mjs")
    assert "error" not in seen, seen["error"]
    assert seen["title"] == "Eocene"
    assert sorted(seen["layers"]) == [
        "NDVI, monthly median",
        "Parcels",
        "Reference",
        "Sentinel-2, true colour",
    ]
    assert seen["firstTiles"] > 0

    assert seen["dates"] == 6
    assert seen["painted"] > 300, "the curve is not drawn"
    assert "NDVI, monthly median" in seen["values"]
    assert seen["dateBefore"] != seen["dateAfter"]
    assert seen["tilesOfDate"] > 0, "the slider asked for no other tiles"
    header, *rows = seen["csv"].splitlines()
    assert header.startswith("lon,lat,layer,time,")
    assert len(rows) == 6
    assert "crop" in seen["popup"]

    assert "finished" in seen["job"]
    assert any(name.endswith(".tif") for name in seen["files"])
    assert seen["examples"] >= 2
    assert seen["answer"] == "yes"

    assert seen["overflow"] <= 0, "a narrow screen scrolls sideways"
    assert seen["external"] == []
    assert seen["failed"] == []
    assert seen["messages"] == []


def test_faults_are_told_in_words(visit: Callable[[str], dict[str, Any]]) -> None:
    seen = visit("faults.mjs")
    assert "error" not in seen, seen["error"]
    assert "outside of the visible layers" in seen["outside"]
    assert "password" in seen["login"]
    assert len(seen["question"]) > 20
    assert "answered 4" not in seen["question"]
