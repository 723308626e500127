"""Editors change the catalogue over HTTP, nobody else does, and what is posted opens no file of ours."""

from __future__ import annotations

import contextlib
import copy
import socket
import threading

import pytest
import shapely
from tests.serve.stac_world import make_collection, make_item, run_copy

from eocene.archive import Archive, Search
from eocene.archive.majortom import name_cells
from eocene.model import EoceneError

ITEMS = "/stac/collections/posted/items"


@pytest.fixture(scope="module")
def editing(workspace, tmp_path_factory):
    with run_copy(workspace, tmp_path_factory.mktemp("editing")) as server:
        assert server.post("/stac/collections", make_collection()).status_code == 201
        yield server


@pytest.fixture
def item(editing):
    """An item that is there, and gone after the test."""
    given = make_item("there")
    assert editing.post(ITEMS, given).status_code == 201
    yield given
    send(editing, "DELETE", f"{ITEMS}/there")


def send(server, method, path, body=None, **headers):
    return server.client.request(method, path, json=body, headers=server.as_user(**headers))


def code(answer):
    return answer.status_code, answer.json()["code"]


def properties(server, name):
    """What an item says, but for the cells that the server adds."""
    found = server.get(f"{ITEMS}/{name}").json()["properties"]
    return {field: value for field, value in found.items() if not field.startswith("majortom:")}


def test_an_item_is_added_read_replaced_changed_and_deleted(editing):
    added = editing.post(ITEMS, make_item("whole-life"))
    assert added.status_code == 201
    assert added.headers["location"] == f"{editing.url}{ITEMS}/whole-life"
    assert added.headers["content-type"] == "application/geo+json"
    assert editing.get(added.headers["location"]).json() == added.json()
    other = make_item("whole-life", properties={"datetime": "2023-07-01T00:00:00Z", "gsd": 30})
    assert send(editing, "PUT", f"{ITEMS}/whole-life", other).status_code == 204
    assert properties(editing, "whole-life") == other["properties"]
    patch = {"properties": {"gsd": None, "platform": "pond-1"}}
    changed = send(editing, "PATCH", f"{ITEMS}/whole-life", patch)
    assert (changed.status_code, changed.content) == (204, b"")
    assert properties(editing, "whole-life") == {"datetime": "2023-07-01T00:00:00Z", "platform": "pond-1"}
    assert send(editing, "DELETE", f"{ITEMS}/whole-life").status_code == 204
    assert code(editing.get(f"{ITEMS}/whole-life")) == (404, "ItemNotFound")


def test_an_item_is_found_by_the_cells_of_its_place_also_when_it_moves(editing, item):
    def cells():
        return editing.get(f"{ITEMS}/there").json()["properties"]["majortom:cells"]

    before = cells()
    assert before == name_cells(item)["properties"]["majortom:cells"]
    moved = shapely.geometry.mapping(shapely.affinity.translate(shapely.geometry.shape(item["geometry"]), 20))
    patch = {"geometry": moved, "bbox": [b + d for b, d in zip(item["bbox"], (20, 0, 20, 0), strict=True)]}
    assert send(editing, "PATCH", f"{ITEMS}/there", patch).status_code == 204
    assert cells() == name_cells(item | patch)["properties"]["majortom:cells"] != before


def test_a_list_of_items_is_added_whole_or_not_at_all(editing, item):
    items = [make_item(name) for name in ("one", "two", item["id"])]
    answer = editing.post(ITEMS, {"type": "FeatureCollection", "features": items})
    assert code(answer) == (409, "Conflict")
    assert editing.get(f"{ITEMS}/one").status_code == 404
    assert editing.post(ITEMS, {"type": "FeatureCollection", "features": items[:2]}).status_code == 201
    assert {f["id"] for f in editing.get(ITEMS).json()["features"]} == {"one", "two", "there"}
    for name in ("one", "two"):
        send(editing, "DELETE", f"{ITEMS}/{name}")


def test_what_is_there_is_not_added_and_what_is_not_there_is_not_changed(editing, item):
    assert code(editing.post(ITEMS, item)) == (409, "Conflict")
    assert code(editing.post("/stac/collections", make_collection())) == (409, "Conflict")
    missing = f"{ITEMS}/missing"
    assert code(send(editing, "PUT", missing, make_item("missing"))) == (404, "ItemNotFound")
    assert code(send(editing, "PATCH", missing, {})) == (404, "ItemNotFound")
    assert code(send(editing, "DELETE", missing)) == (404, "ItemNotFound")
    nowhere = "/stac/collections/nowhere"
    assert code(editing.post(f"{nowhere}/items", make_item("a", "nowhere"))) == (404, "CollectionNotFound")
    assert code(send(editing, "DELETE", nowhere)) == (404, "CollectionNotFound")


def test_a_collection_is_added_replaced_changed_and_deleted(editing):
    given = make_collection("ponds")
    assert editing.post("/stac/collections", given).status_code == 201
    shown = editing.get("/stac/collections/ponds").json()
    assert shown["title"] == given["title"]
    assert {"rel": "license", "href": "https://example.org/licence"} in shown["links"]
    assert send(editing, "PUT", "/stac/collections/ponds", given | {"title": "Ponds"}).status_code == 204
    assert send(editing, "PATCH", "/stac/collections/ponds", {"license": "CC0-1.0"}).status_code == 204
    shown = editing.get("/stac/collections/ponds").json()
    assert (shown["title"], shown["license"]) == ("Ponds", "CC0-1.0")
    editing.post("/stac/collections/ponds/items", make_item("a", "ponds")).raise_for_status()
    assert send(editing, "DELETE", "/stac/collections/ponds").status_code == 204
    assert editing.get("/stac/collections/ponds").status_code == 404
    assert editing.get("/stac/search", params={"collections": "ponds"}).json()["features"] == []


CHANGES = [
    ("POST", "/stac/collections"),
    ("PUT", "/stac/collections/posted"),
    ("PATCH", "/stac/collections/posted"),
    ("DELETE", "/stac/collections/posted"),
    ("POST", ITEMS),
    ("PUT", f"{ITEMS}/there"),
    ("PATCH", f"{ITEMS}/there"),
    ("DELETE", f"{ITEMS}/there"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_only_editors_change_anything(editing, item, method, path):
    users = editing.app.state.rooms.users
    users.set_password("guest", "a long password")
    guest = {"Authorization": f"Bearer basic//{users.issue_token('guest')}"}
    before = editing.get("/stac/search").content
    body = {"id": "x"}
    assert code(editing.client.request(method, path, json=body)) == (401, "AuthenticationRequired")
    answer = editing.client.request(method, path, json=body, headers=guest)
    assert code(answer) == (403, "PermissionsInsufficient")
    assert editing.get("/stac/search").content == before


def test_the_operator_names_the_editors(workspace, tmp_path):
    with run_copy(workspace, tmp_path, editors=("curator",)) as server:
        assert code(server.post("/stac/collections", make_collection())) == (403, "PermissionsInsufficient")
        users = server.app.state.rooms.users
        users.set_password("curator", "a long password")
        headers = {"Authorization": f"Bearer basic//{users.issue_token('curator')}"}
        answer = server.client.post("/stac/collections", json=make_collection(), headers=headers)
        assert answer.status_code == 201


HOSTILE = [
    "/etc/passwd", "etc/passwd", "../../etc/passwd", "./x.tif", "file:///etc/passwd", "file:/etc/passwd",
    "FILE:///etc/passwd", "{root}/state.sqlite", "{root}/catalogue.sqlite", "file://{root}/state.sqlite",
    "/vsicurl/http://127.0.0.1/x.tif", "/vsizip//etc/x.zip", "vsis3/bucket/x", "//host/share/x.tif",
    "\\\\host\\share\\x.tif", "http:/etc/passwd", "https:///etc/passwd", "http://", "http://user:pw@host/x.tif",
    "http://host/../../etc/passwd", "http://host/%2e%2e/x", "http://host/a\nb", "http://ho st/x", "http://[::1",
    "ftp://host/x.tif", "gopher://host/", "data:image/tiff;base64,AAAA", "javascript:alert(1)", "", " ",
    "<VRTDataset/>", "NETCDF:/etc/passwd:x", 'STACIT:"/etc/passwd"', "s3://", "s3://../x", "http://host/x|y",
    "https://host/" + "x" * 5000, "\x00", "C:\\windows\\x.tif",
]  # fmt: skip


@pytest.mark.parametrize("href", HOSTILE)
def test_no_path_of_the_server_gets_into_the_catalogue(editing, item, href):
    root = str(editing.app.state.rooms.layout.root)
    href = href.format(root=root) if "{root}" in href else href
    hostile = make_item("hostile", assets={"data": {"href": href, "type": "image/tiff"}})
    patches = [{"assets": hostile["assets"]}, {"assets": {"more": {"href": href}}}]
    collection = make_collection("hostile") | {"assets": {"data": {"href": href}}}
    before = editing.get(f"{ITEMS}/there").json()
    answers = [
        editing.post(ITEMS, hostile),
        editing.post(ITEMS, {"type": "FeatureCollection", "features": [make_item("fine"), hostile]}),
        send(editing, "PUT", f"{ITEMS}/there", hostile | {"id": "there"}),
        *(send(editing, "PATCH", f"{ITEMS}/there", patch) for patch in patches),
        editing.post("/stac/collections", collection),
        editing.post(ITEMS, make_item("hostile", links=[{"rel": "via", "href": href}])),
    ]
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert root not in "".join(answer.text for answer in answers)
    assert editing.get(f"{ITEMS}/there").json() == before
    assert [f["id"] for f in editing.get(ITEMS).json()["features"]] == ["there"]


def test_what_is_posted_makes_the_server_ask_nobody(editing):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(1)

        def listen():
            with contextlib.suppress(TimeoutError):
                asked.append(listening.accept())

        thread = threading.Thread(target=listen)
        thread.start()
        href = f"http://127.0.0.1:{listening.getsockname()[1]}/x.tif"
        asset = {"href": href, "type": "image/tiff", "roles": ["data"]}
        assert editing.post(ITEMS, make_item("afar", assets={"data": asset})).status_code == 201
        assert editing.get(f"{ITEMS}/afar").json()["assets"]["data"]["href"] == href
        assert editing.get(f"{ITEMS}/afar/assets/data").status_code == 404
        archive = editing.app.state.rooms.archive
        with pytest.raises(EoceneError):
            archive.open_raster(asset)
        thread.join()
    send(editing, "DELETE", f"{ITEMS}/afar")
    assert asked == []


def test_an_item_that_is_read_and_sent_back_keeps_its_files(editing):
    rooms = editing.app.state.rooms
    stored = rooms.archive.catalogue.search(Search(collections=("sentinel-2-l2a",), limit=1))[0]
    path = f"/stac/collections/sentinel-2-l2a/items/{stored['id']}"
    shown = editing.get(path).json()
    shown["properties"]["eocene:note"] = "read and sent back"
    assert send(editing, "PUT", path, shown).status_code == 204
    red = {"B04": {"href": shown["assets"]["B04"]["href"], "title": "Red light"}}
    assert send(editing, "PATCH", path, {"assets": red}).status_code == 204
    now = rooms.archive.catalogue.item("sentinel-2-l2a", stored["id"])
    assert now["properties"] == stored["properties"] | {"eocene:note": "read and sent back"}
    assert {k: a["href"] for k, a in now["assets"].items()} == {
        k: a["href"] for k, a in stored["assets"].items()
    }
    assert now["assets"]["B04"]["title"] == "Red light"
    assert editing.get(shown["assets"]["B04"]["href"]).status_code == 200


def test_an_asset_cannot_take_the_file_of_another_item(editing, item):
    rooms = editing.app.state.rooms
    scene = rooms.archive.catalogue.search(Search(collections=("sentinel-2-l2a",), limit=1))[0]
    theirs = scene["assets"]["B04"]["href"]
    assert code(send(editing, "PATCH", f"{ITEMS}/there", {"assets": {"data": {"href": theirs}}}))[0] == 400


WRONG_ITEMS = {
    "type": "Collection", "id": "a/b", "geometry": {"type": "Circle"}, "bbox": [1, 2], "properties": {},
    "assets": {"data": {}}, "links": [{"rel": "via"}], "collection": "another", "stac_version": 1,
    "stac_extensions": "x",
}  # fmt: skip


@pytest.mark.parametrize("field", WRONG_ITEMS)
def test_an_item_that_is_wrong_is_refused_with_the_name_of_the_field(editing, field):
    answer = editing.post(ITEMS, make_item("wrong") | {field: WRONG_ITEMS[field]})
    assert answer.status_code == 400
    assert field.removeprefix("stac_").split("_")[0] in answer.json()["description"]
    assert editing.get(ITEMS).json()["features"] == []


def seen_at(**times):
    return {"properties": {"datetime": None} | times}


WRONG_VALUES = {
    "an unknown geometry": {"geometry": {"type": "Circle", "coordinates": [1, 2]}},
    "a geometry of nothing": {"geometry": {"type": "Polygon", "coordinates": []}},
    "a geometry of words": {"geometry": {"type": "Point", "coordinates": ["a", "b"]}},
    "no time": seen_at(),
    "a time in words": seen_at(datetime="yesterday"),
    "half a span": seen_at(start_datetime="2024-01-01T00:00:00Z"),
    "a span backwards": seen_at(start_datetime="2024-01-02T00:00:00Z", end_datetime="2024-01-01T00:00:00Z"),
    "the year 0": seen_at(datetime="0000-01-01T00:00:00Z"),
    "the year 10000 in UTC": seen_at(datetime="9999-12-31T23:59:59-10:00"),
    "the year 0 in UTC": seen_at(datetime="0001-01-01T00:00:00+10:00"),
    "a number of 400 digits": {"properties": {"datetime": "2024-05-01T10:00:00Z", "big": 10**400}},
    "no text in what a list holds": {
        "properties": {"datetime": "2024-05-01T10:00:00Z"},
        "links": [{"rel": 1}],
    },
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_a_fault_of_an_item_is_told_by_the_code_of_a_wrong_value_and_leaves_the_catalogue_readable(
    editing, item, name
):
    wrong, before = make_item("there", **WRONG_VALUES[name]), editing.get(f"{ITEMS}/there").content
    patch = {key: wrong[key] for key in WRONG_VALUES[name]}
    answers = [
        editing.post(ITEMS, wrong | {"id": "wrong"}),
        editing.post(ITEMS, {"type": "FeatureCollection", "features": [wrong | {"id": "wrong"}]}),
        send(editing, "PUT", f"{ITEMS}/there", wrong),
        send(editing, "PATCH", f"{ITEMS}/there", patch),
    ]
    assert [code(answer) for answer in answers] == [(400, "InvalidParameterValue")] * len(answers)
    assert editing.get(f"{ITEMS}/there").content == before
    for path in ("/stac/collections", "/stac/search", "/openeo/1.2/collections", ITEMS):
        assert editing.get(path).status_code == 200


def test_a_patch_that_would_make_another_of_it_and_a_list_of_nothing_have_a_wrong_value(editing, item):
    for path in (f"{ITEMS}/there", "/stac/collections/posted"):
        assert code(send(editing, "PATCH", path, {"id": "other"})) == (400, "InvalidParameterValue")
    for features in ([], 5, [5]):
        answer = editing.post(ITEMS, {"type": "FeatureCollection", "features": features})
        assert code(answer) == (400, "InvalidParameterValue")


@pytest.mark.parametrize("name", [".", ".."])
def test_no_item_and_no_collection_is_called_as_a_folder_is(editing, item, name):
    """Who deletes the item ``..`` deletes the collection: clients shorten the address before they send it."""
    assert code(editing.post(ITEMS, make_item(name))) == (400, "InvalidParameterValue")
    assert code(editing.post("/stac/collections", make_collection(name))) == (400, "InvalidParameterValue")


@pytest.mark.parametrize(
    "change",
    [
        {
            "extent": {
                "spatial": {"bbox": [[0, 0, 1, 1]]},
                "temporal": {"interval": [["9999-12-31T23:59:59-10:00", None]]},
            }
        },
        {"summaries": {"big": [10**400]}},
        {"extent": "everywhere"},
        {"extent": {"spatial": {"bbox": []}, "temporal": {"interval": [[None, None]]}}},
        {"extent": {"spatial": {"bbox": [[1, 2, 3]]}, "temporal": {"interval": [[None, None]]}}},
        {"extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["yesterday", None]]}}},
        {"keywords": "water"},
        {"summaries": []},
        {"links": [1]},
        {"providers": ["ESA"]},
        {"item_assets": {"data": 1}},
        {"cube:dimensions": {"t": 1}},
        {"license": None},
    ],
)
def test_a_collection_that_would_break_the_list_of_collections_is_refused(editing, change):
    answer = editing.post("/stac/collections", make_collection("broken") | copy.deepcopy(change))
    assert answer.status_code == 400, answer.text
    assert editing.get("/stac/collections/broken").status_code == 404
    for path in ("/stac/", "/stac/collections", "/stac/queryables", "/openeo/1.2/collections"):
        assert editing.get(path).status_code == 200


def test_archives_that_are_open_elsewhere_see_what_was_posted(editing, item):
    archive = Archive(editing.app.state.rooms.layout)
    assert archive.catalogue.item("posted", item["id"])["properties"].items() >= item["properties"].items()
    archive.catalogue.close()
