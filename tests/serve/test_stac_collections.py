"""Landing page, search for collections, queryables and counts say what is in the catalogue."""

from __future__ import annotations

from collections import Counter

import pystac
import pystac_client
import pytest

from eocene.archive import Archive, Search
from eocene.serve.stac import CONFORMANCE


@pytest.fixture(scope="module")
def items(workspace):
    archive = Archive(workspace)
    found = archive.catalogue.search(Search())
    archive.catalogue.close()
    return found


def names(server, **parameters):
    return [c["id"] for c in server.get("/stac/collections", params=parameters).json()["collections"]]


def test_the_landing_page_leads_everywhere(server):
    page = server.get("/stac/").json()
    links = {entry["rel"]: entry for entry in page["links"]}
    assert {
        "self",
        "root",
        "data",
        "search",
        "conformance",
        "service-desc",
        "service-doc",
        "aggregate",
    } <= set(links)
    for entry in page["links"]:
        if entry.get("method") != "POST" and entry["rel"] != "aggregate":
            answer = server.get(entry["href"])
            assert answer.status_code == 200, entry
            assert answer.headers["content-type"].split(";")[0] == entry["type"].split(";")[0]
    assert page["conformsTo"] == server.get("/stac/conformance").json()["conformsTo"] == list(CONFORMANCE)
    assert {entry["href"] for entry in page["links"] if entry["rel"] == "child"} == {
        f"{server.url}/stac/collections/{name}" for name in names(server)
    }


def test_the_description_of_the_service_names_all_its_addresses_and_no_other(server):
    document = server.get("/stac/api").json()
    assert document["openapi"].startswith("3.1")
    assert all(path.startswith("/stac/") for path in document["paths"])
    items = document["paths"]["/stac/collections/{collection_id}/items"]
    assert set(items) == {"get", "post"}
    assert {"limit", "bbox", "datetime", "filter-lang"} <= {p["name"] for p in items["get"]["parameters"]}


def test_collections_are_found_by_words_area_and_time(server, items):
    everything = names(server)
    assert names(server, q="sentinel-2") == ["sentinel-2-l2a"]
    assert set(names(server, q="sentinel-2,SENTINEL-1")) == {"sentinel-1-grd", "sentinel-2-l2a"}
    assert names(server, q="nothing of that kind") == []
    boxes = {c: [i["bbox"] for i in items if i["collection"] == c] for c in everything}
    west, south, east, north = boxes["sentinel-2-l2a"][0]
    assert "sentinel-2-l2a" in names(server, bbox=f"{west},{south},{east},{north}")
    assert names(server, bbox="-120,-40,-119,-39") == []
    times = [i["properties"]["datetime"] for i in items if i["collection"] == "sentinel-2-l2a"]
    assert "sentinel-2-l2a" in names(server, datetime=f"{min(times)}/{max(times)}")
    assert "sentinel-2-l2a" not in names(server, datetime="../2001-01-01T00:00:00Z")


def test_collections_come_page_by_page(server):
    found = pystac_client.Client.open(f"{server.url}/stac/").collection_search(limit=2)
    assert [collection.id for collection in found.collections()] == names(server)
    assert found.matched() == len(names(server))


def test_collections_and_items_are_valid_by_the_schemas_of_stac(server):
    documents = server.get("/stac/collections").json()["collections"]
    documents += server.get("/stac/search").json()["features"]
    assert {document["type"] for document in documents} == {"Collection", "Feature"}
    for document in documents:
        assert pystac.validation.validate_dict(document | {"stac_extensions": []})


def test_queryables_are_those_of_the_collection(server):
    for path in ("/stac/queryables", "/stac/collections/sentinel-2-l2a/queryables"):
        answer = server.get(path)
        assert answer.headers["content-type"] == "application/schema+json"
        assert answer.json()["$id"] == f"{server.url}{path}"
        assert "eo:cloud_cover" in answer.json()["properties"]
    parcels = server.get("/stac/collections/parcels/queryables").json()
    assert "eo:cloud_cover" not in parcels["properties"]


def count(server, path="/stac/aggregate", **body):
    if path == "/stac/aggregate":
        answer = server.client.post(path, json=body)
    else:
        answer = server.get(path, params=body)
    assert answer.status_code == 200, answer.text
    return {entry["name"]: entry for entry in answer.json()["aggregations"]}


def frequencies(aggregation):
    return {bucket["key"]: bucket["frequency"] for bucket in aggregation["buckets"]}


def test_counts_are_those_of_the_items(server, items):
    listed = server.get("/stac/aggregations").json()["aggregations"]
    asked = [entry["name"] for entry in listed]
    found = count(server, aggregations=asked)
    assert {name: entry["data_type"] for name, entry in found.items()} == {
        entry["name"]: entry["data_type"] for entry in listed
    }
    assert found["total_count"]["value"] == len(items)
    assert frequencies(found["collection_frequency"]) == Counter(i["collection"] for i in items)
    times = [i["properties"].get("datetime") or i["properties"]["start_datetime"] for i in items]
    months = Counter(f"{time[:7]}-01T00:00:00Z" for time in times)
    assert frequencies(found["datetime_frequency"]) == months
    assert (found["datetime_min"]["value"], found["datetime_max"]["value"]) == (min(times), max(times))
    covers = [i["properties"]["eo:cloud_cover"] for i in items if "eo:cloud_cover" in i["properties"]]
    by_ten = Counter(str(min(int(cover // 10) * 10, 90)) for cover in covers)
    assert frequencies(found["cloud_cover_frequency"]) == by_ten


def test_counts_hold_what_the_search_asks(server, items):
    path = "/stac/collections/sentinel-2-l2a/aggregate"
    found = count(server, path, aggregations="total_count,datetime_frequency", filter="eo:cloud_cover < 40")
    scenes = [
        i for i in items if i["collection"] == "sentinel-2-l2a" and i["properties"]["eo:cloud_cover"] < 40
    ]
    assert found["total_count"]["value"] == len(scenes)
    assert sum(frequencies(found["datetime_frequency"]).values()) == len(scenes)
    assert count(server, aggregations=["datetime_min"], ids=["no such item"])["datetime_min"]["value"] is None
