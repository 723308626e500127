"""A catalogue that is mirrored may say what it likes: nothing is asked or written where it must not be."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

import eocene
from eocene.archive.mirror.sync import SyncOptions
from eocene.archive.mirror.sync_source import Wanted
from eocene.model import EoceneError
from eocene.testing.faults import FaultServer
from eocene.testing.faults.handler import Answer
from tests.attack.spellings import REDIRECTS, spellings_of
from tests.attack.watching import FolderWatch, watch_python

NAMES = [
    "../../evil", "/etc/evil", "..", ".", "a/../../../evil", "a\\..\\evil", "CON", "x" * 5000, "a\0b",
    "~/evil", "a\nb", "%2e%2e%2fevil", "\u202eevil", ".lock", ".sources.json",
]  # fmt: skip


class Catalogue:
    """A STAC API with one collection; its items, their assets and the link to the next page are given."""

    def __init__(self):
        self.items, self.following, self.url = [], None, ""

    def answer(self, _method, target, _body):
        place = target.partition("?")[0]
        if place == "/":
            links = [{"rel": "search", "href": f"{self.url}/search", "method": "GET"}]
            kinds = ["https://api.stacspec.org/v1.0.0/item-search"]
            return self.reply({"type": "Catalog", "id": "c", "stac_version": "1.0.0", "description": "d",
                               "links": links, "conformsTo": kinds})  # fmt: skip
        if place == "/collections/c":
            extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
            return self.reply({"type": "Collection", "id": "c", "stac_version": "1.0.0", "description": "d",
                               "license": "other", "extent": extent, "links": []})  # fmt: skip
        if place == "/search":
            links = [{"rel": "next", "href": self.following}] if self.following else []
            return self.reply({"type": "FeatureCollection", "features": self.items, "links": links})
        return None

    @staticmethod
    def reply(document):
        return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def item(number, href, name=None, key="data"):
    asset = {"href": href, "type": "image/tiff; application=geotiff", "roles": ["data"]}
    box = [3, 50.5, 3.01, 50.6]
    return {"type": "Feature", "stac_version": "1.0.0", "id": name or f"i{number}", "collection": "c",
            "geometry": {"type": "Point", "coordinates": [3, 50.55]}, "bbox": box, "links": [],
            "properties": {"datetime": "2024-05-01T00:00:00Z"}, "assets": {key: asset}}  # fmt: skip


@pytest.fixture
def canary(tmp_path):
    (tmp_path / "canary").mkdir()
    with FaultServer(tmp_path / "canary") as server:
        yield server


@pytest.fixture
def source(tmp_path, monkeypatch):
    made = Catalogue()
    (tmp_path / "served").mkdir()
    with FaultServer(tmp_path / "served", route=made.answer) as server:
        made.url, made.server = server.url, server
        monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", server.host)
        yield made


def mirror(workspace, source, **options):
    return workspace.archive.sync(source.url, Wanted("c"), SyncOptions(**options))


@pytest.mark.parametrize("copy", [True, False])
def test_no_asset_leads_outside(source, canary, tmp_path, copy):
    elsewhere = canary.host
    hrefs = [url for url in spellings_of(elsewhere, "allowed.example", "80") if "\0" not in url]
    hrefs += ["/etc/passwd", "../../../../etc/passwd", str(tmp_path / "canary")]
    source.items = [item(number, href) for number, href in enumerate(hrefs)]
    with eocene.open(tmp_path / "workspace") as workspace, watch_python() as seen:
        try:
            report = mirror(workspace, source, copy=copy)
            assert len(report.failed) == len(hrefs)
        except EoceneError:
            pass  # refused as a whole
        assert workspace.archive.catalogue.collections() == [] or not list(workspace.search("c"))
    assert canary.requests == 0
    assert {address[1] for address in seen.connected} <= {source.server.port}
    assert [
        path for path in seen.opened if path.startswith(("/etc/passwd", "/dev", "/proc/self/environ"))
    ] == []


def test_no_page_leads_outside(source, canary, tmp_path):
    with eocene.open(tmp_path / "workspace") as workspace:
        for place in REDIRECTS:
            if place:
                source.following = place.format(c=canary.host, a="allowed.example", p=canary.port)
                with suppress(EoceneError), watch_python() as seen:
                    mirror(workspace, source)
                assert {address[1] for address in seen.connected} <= {source.server.port}
    assert canary.requests == 0


def test_no_name_leads_to_a_file_outside(source, tmp_path):
    (tmp_path / "served" / "a.tif").write_bytes(bytes(100))
    outside = tmp_path / "outside"
    outside.mkdir()
    names = [*NAMES, f"../../../../..{outside}/evil", f"{outside}/evil"]
    source.items = [item(n, f"{source.url}/a.tif", name) for n, name in enumerate(names)]
    source.items += [item(n + 100, f"{source.url}/a.tif", key=name) for n, name in enumerate(names)]
    watch = FolderWatch(outside)
    with eocene.open(tmp_path / "workspace") as workspace:
        before = sorted(p for p in tmp_path.iterdir())
        with suppress(EoceneError):  # refused as a whole
            mirror(workspace, source)
        allowed = (tmp_path / "workspace").resolve()
        assert sorted(p for p in tmp_path.iterdir()) == before
        assert all(path.resolve().is_relative_to(allowed) for path in allowed.rglob("*"))
    assert watch.touched() == []
    watch.close()
