"""The STAC API is OGC API – Features, too: an unmodified client reads it; nothing more is announced."""

from __future__ import annotations

from owslib.ogcapi.features import Features
from owslib.ogcapi.records import Records


def test_an_unmodified_client_of_features_reads_the_catalogue(server):
    client = Features(f"{server.url}/stac")
    assert "sentinel-2-l2a" in client.feature_collections()
    extent = client.collection("sentinel-2-l2a")["extent"]["spatial"]["bbox"][0]
    page = client.collection_items("sentinel-2-l2a", limit=2, bbox=extent, datetime="2024-01-01T00:00:00Z/..")
    assert (page["type"], page["numberReturned"]) == ("FeatureCollection", 2)
    name = page["features"][0]["id"]
    assert client.collection_item("sentinel-2-l2a", name)["id"] == name
    assert "eo:cloud_cover" in client.collection_queryables("sentinel-2-l2a")["properties"]
    clear = client.collection_items("sentinel-2-l2a", filter="eo:cloud_cover < 20", limit=1000)["features"]
    assert clear
    assert all(item["properties"]["eo:cloud_cover"] < 20 for item in clear)


def test_records_are_neither_announced_nor_found_by_their_client(server):
    announced = [*server.get("/stac/conformance").json()["conformsTo"]]
    announced += server.get("/ogc/conformance").json()["conformsTo"]
    assert not [name for name in announced if "ogcapi-records" in name]
    assert Records(f"{server.url}/stac").records() == []
