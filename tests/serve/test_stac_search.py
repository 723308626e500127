"""The extensions of the STAC API's search: fields, query, filters, limits, times, and stable pages."""

from __future__ import annotations

import json

import pytest
from tests.serve.stac_world import make_collection, make_item, run_copy

from eocene.archive import Archive, Search
from eocene.archive.majortom import name_cells

IDENTITY = {"type", "stac_version", "id", "collection"}
DEFAULT = IDENTITY | {"geometry", "bbox", "links", "assets", "properties"}
COVER = "properties.eo:cloud_cover"
CLOUDS = {"property": "eo:cloud_cover"}


@pytest.fixture(scope="module")
def scenes(workspace):
    archive = Archive(workspace)
    found = archive.catalogue.search(Search(collections=("sentinel-2-l2a",)))
    archive.catalogue.close()
    return found


def post(server, **body):
    answer = server.client.post("/stac/search", json={"collections": ["sentinel-2-l2a"]} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()["features"]


def get(server, **parameters):
    answer = server.get("/stac/search", params={"collections": "sentinel-2-l2a"} | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["features"]


@pytest.mark.parametrize(
    ("fields", "top", "has_cover"),
    [
        ({}, DEFAULT, False),
        ({"include": [], "exclude": []}, DEFAULT, False),
        ({"include": None, "exclude": None}, DEFAULT, False),
        ({"include": ["geometry"]}, IDENTITY | {"geometry"}, False),
        ({"include": [COVER]}, IDENTITY | {"properties"}, True),
        ({"include": ["eo:cloud_cover"]}, IDENTITY | {"properties"}, True),
        ({"include": [COVER], "exclude": ["properties"]}, IDENTITY | {"properties"}, True),
        ({"include": ["properties"], "exclude": [COVER]}, IDENTITY | {"properties"}, False),
        ({"include": ["bbox"], "exclude": ["bbox"]}, IDENTITY | {"bbox"}, False),
        ({"exclude": ["geometry"]}, (DEFAULT | {"stac_extensions"}) - {"geometry"}, True),
        ({"include": [], "exclude": ["geometry"]}, DEFAULT - {"geometry"}, False),
    ],
)
def test_fields_choose_what_is_shown_of_an_item(server, fields, top, has_cover):
    item = post(server, fields=fields, limit=1)[0]
    assert set(item) == top
    assert ("eo:cloud_cover" in item.get("properties", {})) == has_cover


def test_fields_are_the_same_in_a_query_string(server):
    item = get(server, fields=f"-properties,+{COVER}", limit=1)[0]
    assert set(item) == IDENTITY | {"properties"}
    assert set(item["properties"]) == {"eo:cloud_cover"}
    assert "geometry" not in get(server, fields="-geometry", limit=1)[0]
    assert set(get(server, fields="", limit=1)[0]) == DEFAULT


OPERATORS = {
    "eq": lambda value, limit: value == limit,
    "neq": lambda value, limit: value != limit,
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
    "gt": lambda value, limit: value > limit,
    "gte": lambda value, limit: value >= limit,
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("quoted", [False, True])
def test_the_query_extension_compares_as_python_does(server, scenes, operator, quoted):
    covers = {item["id"]: item["properties"]["eo:cloud_cover"] for item in scenes}
    limit = sorted(covers.values())[len(covers) // 2]
    query = {"eo:cloud_cover": {operator: str(limit) if quoted else limit}}
    expected = {name for name, cover in covers.items() if OPERATORS[operator](cover, limit)}
    assert {item["id"] for item in post(server, query=query)} == expected
    assert {item["id"] for item in get(server, query=json.dumps(query))} == expected


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({"platform": {"startsWith": "sentinel-2"}}, lambda p: p["platform"].startswith("sentinel-2")),
        ({"platform": {"endsWith": "2b"}}, lambda p: p["platform"].endswith("2b")),
        ({"platform": {"contains": "nel-2a"}}, lambda p: "nel-2a" in p["platform"]),
        ({"platform": {"contains": "_"}}, lambda p: "_" in p["platform"]),
        ({"platform": {"in": ["sentinel-2b", "x"]}}, lambda p: p["platform"] in ("sentinel-2b", "x")),
        ({"instruments": {"in": ["msi", "x"]}}, lambda p: "msi" in p["instruments"]),
        (
            {"eo:cloud_cover": {"gt": 20, "lt": 60}, "platform": {"eq": "sentinel-2a"}},
            lambda p: 20 < p["eo:cloud_cover"] < 60 and p["platform"] == "sentinel-2a",
        ),
    ],
)
def test_the_query_extension_knows_texts_and_lists(server, scenes, query, matches):
    expected = {item["id"] for item in scenes if matches(item["properties"])}
    assert {item["id"] for item in post(server, query=query)} == expected


def test_a_query_and_a_filter_hold_both(server, scenes):
    given = {"op": ">", "args": [{"property": "eo:cloud_cover"}, 20]}
    found = post(server, filter=given, query={"platform": {"eq": "sentinel-2a"}})
    expected = {
        item["id"]
        for item in scenes
        if item["properties"]["eo:cloud_cover"] > 20 and item["properties"]["platform"] == "sentinel-2a"
    }
    assert {item["id"] for item in found} == expected


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("eo:cloud_cover BETWEEN 20 AND 60", {"op": "between", "args": [CLOUDS, 20, 60]}),
        ("eo:cloud_cover BETWEEN 20 AND 60", {"op": "between", "args": [CLOUDS, [20, 60]]}),  # of a draft
        ("platform LIKE '%2b'", {"op": "like", "args": [{"property": "platform"}, "%2b"]}),
        (
            "S_INTERSECTS(geometry, POINT(12.005 48.3))",
            {
                "op": "s_intersects",
                "args": [{"property": "geometry"}, {"type": "Point", "coordinates": [12.005, 48.3]}],
            },
        ),
    ],
)  # fmt: skip
def test_filters_in_text_and_in_json_find_the_same(server, text, document):
    by_text = {item["id"] for item in get(server, filter=text)}
    by_json = {item["id"] for item in post(server, filter=document)}
    in_url = {
        item["id"] for item in get(server, **{"filter": json.dumps(document), "filter-lang": "cql2-json"})
    }
    assert by_text == by_json == in_url != set()


@pytest.mark.parametrize("limit", [10_000, 10**9])
def test_a_limit_that_is_too_large_is_cut(server, scenes, limit):
    assert len(get(server, limit=limit)) == len(scenes)
    assert len(post(server, limit=limit)) == len(scenes)


def test_fields_that_are_null_are_refused(server):
    assert server.client.post("/stac/search", json={"fields": None}).status_code == 400


def test_deep_json_in_a_query_string_is_refused(server):
    deep = "[" * 5000 + "]" * 5000
    for name in ("query", "intersects"):
        assert server.get("/stac/search", params={name: deep}).status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_neither_repeat_nor_lose_items_while_others_come_and_go(workspace, tmp_path, method):
    with run_copy(workspace, tmp_path) as server:
        server.post("/stac/collections", make_collection()).raise_for_status()
        stay = [f"stays-{number:02}" for number in range(12)]
        items = [make_item(name) for name in (*stay, "goes-00", "goes-99")]
        collection = {"type": "FeatureCollection", "features": items}
        assert server.post("/stac/collections/posted/items", collection).status_code == 201
        seen, link, body = [], "/stac/search", {"collections": ["posted"], "limit": 3, "sortby": "id"}
        body["sortby"] = [{"field": "id", "direction": "asc"}]
        answer = (
            server.client.post(link, json=body)
            if method == "POST"
            else server.get(link, params={"collections": "posted", "limit": 3, "sortby": "+id"})
        )
        for number in range(20):
            page = answer.json()
            seen += [item["id"] for item in page["features"]]
            following = [entry for entry in page["links"] if entry["rel"] == "next"]
            if not following:
                break
            if number == 0:
                headers = server.as_user()
                server.client.delete("/stac/collections/posted/items/goes-00", headers=headers)
                server.post("/stac/collections/posted/items", make_item("a-new-one")).raise_for_status()
            assert following[0]["method"] == method
            answer = server.client.request(method, following[0]["href"], json=following[0].get("body"))
        assert [name for name in seen if name.startswith("stays")] == stay
        assert len(seen) == len(set(seen))


def test_items_are_found_by_their_cells_of_the_global_grid(workspace, tmp_path):
    with run_copy(workspace, tmp_path) as server:
        server.post("/stac/collections", make_collection()).raise_for_status()
        cells = {}
        for name, lon in (("a", 20.5), ("b", -70.5)):
            place = {
                "geometry": {"type": "Point", "coordinates": [lon, 20.5]},
                "bbox": [lon, 20.5, lon, 20.5],
            }
            server.post("/stac/collections/posted/items", make_item(name, **place)).raise_for_status()
            (cells[name],) = name_cells(make_item(name, **place))["properties"]["majortom:cells"]
        found = server.get("/stac/search", params={"cells": f"{cells['a']},9U_9R"}).json()["features"]
        assert [item["id"] for item in found] == ["a"]
        counted = {"aggregations": ["grid_code_frequency"], "collections": ["posted"]}
        answer = server.client.post("/stac/aggregate", json=counted).json()
        counts = {bucket["key"]: bucket["frequency"] for bucket in answer["aggregations"][0]["buckets"]}
        assert counts == {cells["a"]: 1, cells["b"]: 1}
