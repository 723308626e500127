"""A server of its own for tests that change the catalogue, and items to put into it."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any

import httpx
from tests.serve.conftest import Running, run_server, start_app

from eocene.model import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def run_copy(workspace: Layout, folder: Path, **choices: Any) -> Iterator[Running]:
    """Serve a copy of a workspace, whose files stay where they are."""
    shutil.copytree(workspace.root, folder / "copy", ignore=shutil.ignore_patterns("state.sqlite*"))
    app, password = start_app(Layout(folder / "copy"), workers=0, **choices)
    with run_server(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        answer = client.get("/openeo/1.2/credentials/basic", auth=("eocene", password))
        yield Running(url, "eocene", password, app, client, answer.json()["access_token"])


def make_item(name: str, collection: str = "posted", **changes: Any) -> dict[str, Any]:
    """Return a small valid item whose asset lies on the web."""
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "collection": collection,
        "geometry": {"type": "Point", "coordinates": [20.5, 20.5]},
        "bbox": [20.5, 20.5, 20.5, 20.5],
        "properties": {"datetime": "2023-06-01T10:00:00Z", "eo:cloud_cover": 10},
        "assets": {"data": {"href": "https://example.org/data.tif", "type": "image/tiff"}},
        "links": [],
    } | changes


def make_collection(name: str = "posted") -> dict[str, Any]:
    """Return a small valid collection."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": name,
        "title": "Items that were posted",
        "description": "A collection of ponds and lakes.",
        "license": "CC-BY-4.0",
        "keywords": ["water"],
        "extent": {
            "spatial": {"bbox": [[0, 0, 30, 30]]},
            "temporal": {"interval": [["2023-01-01T00:00:00Z", None]]},
        },
        "links": [{"rel": "license", "href": "https://example.org/licence"}],
    }
