"""pystac-client and plain requests find the items that are there and no others."""

from __future__ import annotations

import hashlib

import pystac
import pystac_client
import pytest

from eocene.archive import Archive, Search


@pytest.fixture(scope="module")
def catalogue(server):
    return pystac_client.Client.open(f"{server.url}/stac/")


@pytest.fixture(scope="module")
def scenes(workspace):
    archive = Archive(workspace)
    found = archive.catalogue.search(Search(collections=("sentinel-2-l2a",)))
    archive.catalogue.close()
    return found


def test_the_catalogue_lists_its_collections(catalogue):
    names = {collection.id for collection in catalogue.get_collections()}
    assert {"sentinel-2-l2a", "sentinel-1-grd", "parcels", "weather", "reference"} <= names
    assert isinstance(catalogue.get_collection("sentinel-2-l2a"), pystac.Collection)


def test_a_search_by_box_and_time_finds_the_same_items_as_plain_python(catalogue, scenes, extent):
    box = [extent["west"], extent["south"], extent["east"], extent["north"]]
    first, last = "2024-03-01T00:00:00Z", "2024-04-30T23:59:59Z"
    found = catalogue.search(collections=["sentinel-2-l2a"], bbox=box, datetime=f"{first}/{last}")
    expected = {
        item["id"]
        for item in scenes
        if first <= item["properties"]["datetime"] <= last
        and item["bbox"][0] <= box[2]
        and item["bbox"][2] >= box[0]
        and item["bbox"][1] <= box[3]
        and item["bbox"][3] >= box[1]
    }
    assert expected
    assert {item.id for item in found.items()} == expected
    assert found.matched() == len(expected)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_follow_each_other_without_gap_or_repetition(catalogue, scenes, method):
    search = catalogue.search(
        method=method,
        collections=["sentinel-2-l2a"],
        limit=3,
        sortby="+datetime",
        filter="eo:cloud_cover >= 0",
    )
    pages = [[item.id for item in page.items] for page in search.pages()]
    assert {len(page) for page in pages[:-1]} == {3}
    ids = [name for page in pages for name in page]
    assert sorted(ids) == sorted(item["id"] for item in scenes)


def test_items_are_filtered_by_cql2_and_sorted(server, scenes):
    clouds = sorted(item["properties"]["eo:cloud_cover"] for item in scenes)
    limit = clouds[len(clouds) // 2]
    body = {
        "collections": ["sentinel-2-l2a"],
        "filter-lang": "cql2-json",
        "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, limit]},
        "sortby": [{"field": "properties.eo:cloud_cover", "direction": "desc"}],
    }
    found = server.client.post("/stac/search", json=body).json()["features"]
    shown = [item["properties"]["eo:cloud_cover"] for item in found]
    assert shown == sorted((c for c in clouds if c < limit), reverse=True)


def test_an_item_gives_its_files_through_the_server(server, scenes):
    item = server.get(f"/stac/collections/sentinel-2-l2a/items/{scenes[0]['id']}").json()
    href = item["assets"]["B04"]["href"]
    assert href.startswith(server.url)
    whole = server.get(href)
    with open(scenes[0]["assets"]["B04"]["href"], "rb") as stream:  # noqa: PTH123
        assert hashlib.sha256(whole.content).digest() == hashlib.sha256(stream.read()).digest()
    part = server.get(href, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert pystac.Item.from_dict(item).collection_id == "sentinel-2-l2a"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/stac/collections/nothing", 404, "CollectionNotFound"),
        ("/stac/collections/nothing/items", 404, "CollectionNotFound"),
        ("/stac/collections/sentinel-2-l2a/items/nothing", 404, "ItemNotFound"),
        ("/stac/search?bbox=1,2,3", 400, "InvalidParameterValue"),
        ("/stac/search?bbox=a,b,c,d", 400, "InvalidParameterValue"),
        ("/stac/search?bbox=0,80,1,-80", 400, "BoundingBoxInvalid"),
        ("/stac/search?datetime=yesterday", 400, "InvalidParameterValue"),
        ("/stac/search?datetime=2024-05-01", 400, "InvalidParameterValue"),
        ("/stac/search?datetime=../..", 400, "InvalidParameterValue"),
        ("/stac/search?datetime=2024-05-01T00:00:00", 400, "InvalidParameterValue"),
        ("/stac/search?sortby=geometry", 400, "ProcessParameterInvalid"),
        ("/stac/search?token=12", 400, "ProcessParameterInvalid"),
        ("/stac/search?filter-lang=sql", 400, "InvalidParameterValue"),
        ("/stac/search?filter-crs=EPSG:4326&filter=gsd=10", 400, "InvalidParameterValue"),
        ('/stac/search?filter-lang=cql2-json&filter="gsd"', 400, "InvalidParameterValue"),
        ('/stac/search?query={"gsd":{"near":10}}', 400, "InvalidParameterValue"),
        ("/stac/collections?bbox=1,2,3", 400, "InvalidParameterValue"),
        ("/stac/aggregate?aggregations=sum", 400, "InvalidParameterValue"),
        ("/stac/nothing", 404, "NotFound"),
        ("/stac/search?limit=0", 400, "InvalidParameterValue"),
        ("/stac/search?limit=many", 400, "InvalidParameterValue"),
        ("/stac/search?intersects=%7B", 400, "InvalidParameterValue"),
    ],
)
def test_wrong_requests_name_their_fault(server, path, status, code):
    answer = server.get(path)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert body["description"] == body["message"] != ""  # STAC's name, and that of the rest of the server


def test_a_wrong_filter_is_refused(server):
    assert server.get("/stac/search", params={"filter": "eo:cloud_cover <"}).status_code == 400


def test_queryables_are_json_schema(server):
    schema = server.get("/stac/collections/sentinel-2-l2a/queryables").json()
    assert schema["type"] == "object"
    assert "eo:cloud_cover" in schema["properties"]


def test_no_path_of_the_server_is_told(server, workspace, simulated):
    for path in ("/stac/", "/stac/collections", "/stac/search?limit=1000", "/stac/search?fields=assets"):
        text = server.get(path).text
        assert str(workspace.root) not in text
        assert str(simulated) not in text
