"""Secondary web services: made, listed, changed and deleted as openEO says, seen by whom they should be."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from tests.serve.conftest import make_ndvi, read_error
from tests.serve.test_openeo_responses import check  # noqa: F401

SERVICES = "/openeo/1.2/services"
STYLE = {"kind": "continuous", "min": 0, "max": 1, "colormap": "ndvi"}


@pytest.fixture
def make(server, extent):
    """Makes a service and returns its id; all are deleted in the end."""
    made = []

    def make(**fields):
        body = {"type": "XYZ", "process": {"process_graph": make_ndvi(extent)}, "configuration": STYLE}
        answer = server.post(SERVICES, body | fields)
        assert answer.status_code == 201, answer.text
        made.append(answer.headers["openeo-identifier"])
        assert answer.headers["location"].endswith(f"{SERVICES}/{made[-1]}")
        return made[-1]

    yield make
    for name in made:
        server.client.delete(f"{SERVICES}/{name}", headers=server.as_user())


@pytest.fixture(scope="module")
def mira(server):
    """Another user's headers."""
    server.app.state.rooms.users.set_password("mira", "correct horse battery")
    answer = server.get("/openeo/1.2/credentials/basic", auth=("mira", "correct horse battery"))
    return {"Authorization": f"Bearer basic//{answer.json()['access_token']}"}


def describe(server, name):
    return server.get(f"{SERVICES}/{name}", headers=server.as_user()).json()


def test_types_are_told_with_their_configuration_to_everyone(server):
    for headers in ({}, server.as_user()):
        types = server.get("/openeo/1.2/service_types", headers=headers).json()
        assert set(types) == {"XYZ", "WMTS"}
        for one in types.values():
            assert one["title"]
            assert one["description"]
            assert one["process_parameters"] == []
            assert "colormap" in one["configuration"]


def test_a_service_comes_back_with_all_that_was_given(server, make):
    fields = {"title": "NDVI", "description": "By month", "enabled": False, "log_level": "warning"}
    shown = describe(server, make(type="wmts", plan="Open", budget=3.5, **fields))
    assert {name: shown[name] for name in fields} == fields
    assert (shown["type"], shown["plan"], shown["budget"], shown["costs"]) == ("WMTS", "open", 3.5, 0)
    assert shown["configuration"] == STYLE | {"shared": False}
    assert "ndvi" in shown["process"]["process_graph"]
    assert shown["attributes"]["times"]


def test_services_have_the_form_of_the_specification(server, make, check):  # noqa: F811
    name = make(title="NDVI", plan="Open", budget=3.5)
    make(enabled=False)
    check(server.get(SERVICES, headers=server.as_user()).json(), "/services")
    check(describe(server, name), "/services/{service_id}")
    check(
        server.get(f"{SERVICES}/{name}/logs", headers=server.as_user()).json(), "/services/{service_id}/logs"
    )
    check(server.get("/openeo/1.2/service_types").json(), "/service_types")


def test_services_are_listed_page_by_page_or_all(server, make):
    made = [make(title=str(n)) for n in range(3)]
    listed = server.get(SERVICES, headers=server.as_user()).json()
    assert [one["id"] for one in listed["services"] if one["id"] in made] == made
    seen, address = [], f"{SERVICES}?limit=2"
    while address:
        page = server.get(address, headers=server.as_user()).json()
        assert 0 < len(page["services"]) <= 2
        seen += [one["id"] for one in page["services"]]
        address = next((one["href"] for one in page["links"] if one["rel"] == "next"), None)
    assert seen == [one["id"] for one in listed["services"]]


def test_everything_of_a_service_can_be_changed(server, make, extent):
    name = make()
    process = {"process_graph": make_ndvi(extent | {"north": extent["north"] + 0.001})}
    changes = {
        "title": "Other", "description": "d", "type": "Wmts", "enabled": False, "log_level": "error",
        "plan": "open", "budget": 1, "process": process,
        "configuration": STYLE | {"max": 0.5, "shared": True},
    }  # fmt: skip
    before = describe(server, name)
    answer = server.client.patch(f"{SERVICES}/{name}", json=changes, headers=server.as_user())
    assert answer.status_code == 204, answer.text
    after = describe(server, name)
    assert {key: after[key] for key in changes} == changes | {"type": "WMTS"}
    assert after["attributes"]["bounds"][3] > before["attributes"]["bounds"][3]
    assert after["created"] == before["created"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "NoDataForUpdate"),
        ({"type": "WMS"}, "ServiceUnsupported"),
        ({"configuration": {"shared": 1}}, "ServiceConfigInvalid"),
        ({"configuration": {"max": True}}, "ServiceConfigInvalid"),
        ({"configuration": {"size": 3}}, "ServiceConfigUnsupported"),
        ({"enabled": "yes"}, "InvalidParameterValue"),
        ({"budget": True}, "InvalidParameterValue"),
        ({"title": 3}, "InvalidParameterValue"),
        ({"title": "a\x00b"}, "InvalidParameterValue"),
        ({"plan": "x" * 65}, "InvalidParameterValue"),
        ({"budget": 10**400}, "InvalidParameterValue"),
        ({"budget": 0}, "BudgetInvalid"),
        ({"plan": "gold"}, "BillingPlanInvalid"),
        ({"configuration": {"kind": "rgb"}}, "ServiceConfigInvalid"),
        ({"configuration": {"kind": "classes"}}, "ServiceConfigInvalid"),
        ({"configuration": {"min": -(10**400)}}, "ServiceConfigInvalid"),
        ({"configuration": {"classes": [{"value": True}]}}, "ServiceConfigInvalid"),
        ({"configuration": {"classes": [{"value": 1}] * 2000}}, "ServiceConfigInvalid"),
        ({"log_level": "loud"}, "InvalidParameterValue"),
        ({"process": {"process_graph": {"a": {"process_id": "no", "arguments": {}, "result": True}}}}, None),
    ],
)  # fmt: skip
def test_a_wrong_change_is_refused_and_changes_nothing(server, make, body, code):
    name = make()
    before = describe(server, name)
    answer = server.client.patch(f"{SERVICES}/{name}", json=body, headers=server.as_user())
    status, found = read_error(answer)
    assert 400 <= status < 500
    assert code in (None, found)
    assert describe(server, name) == before


def test_the_log_tells_what_was_changed_from_an_offset_on(server, make):
    name = make()
    server.client.patch(f"{SERVICES}/{name}", json={"title": "New"}, headers=server.as_user())
    address = f"{SERVICES}/{name}/logs"
    lines = server.get(address, headers=server.as_user()).json()["logs"]
    assert [line["level"] for line in lines] == ["info", "info"]
    assert "title" in lines[1]["message"]
    later = server.get(f"{address}?offset={lines[0]['id']}", headers=server.as_user()).json()["logs"]
    assert later == lines[1:]
    assert server.get(f"{address}?limit=1", headers=server.as_user()).json()["logs"] == lines[:1]
    assert server.get(f"{address}?level=error", headers=server.as_user()).json()["logs"] == []
    assert read_error(server.get(f"{address}?offset=x", headers=server.as_user()))[0] == 400


def test_a_tile_that_fails_is_told_in_the_log(server, make):
    name = make()
    layers = server.app.state.rooms.layers
    layers.put(replace(layers.get(name), style={"kind": "rgb"}))  # as versions before took it
    tile = describe(server, name)["url"].format(z=3, x=4, y=2)
    bounds = describe(server, name)["attributes"]["bounds"]
    west = (bounds[0] + bounds[2]) / 2
    x = int((west + 180) / 360 * 8)
    answers = [server.get(tile.replace("/3/4/2", f"/3/{x}/{y}")) for y in range(8)]
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert 400 in {answer.status_code for answer in answers}
    lines = server.get(f"{SERVICES}/{name}/logs?level=error", headers=server.as_user()).json()["logs"]
    assert lines[0]["code"] == "ServiceConfigInvalid"
    assert "bands" in lines[0]["message"]


def test_another_users_service_is_seen_by_its_owner_by_the_key_and_when_it_is_shared(server, mira, extent):
    body = {"type": "XYZ", "process": {"process_graph": make_ndvi(extent)}, "configuration": STYLE}
    name = server.client.post(SERVICES, json=body, headers=mira).headers["openeo-identifier"]
    url = server.get(f"{SERVICES}/{name}", headers=mira).json()["url"].format(z=2, x=2, y=1)
    bare = url.partition("?")[0]
    legend = f"/layers/{name}/legend"
    try:
        assert server.get(url).status_code == 200
        assert "private" in server.get(url).headers["cache-control"]
        assert server.get(bare, headers=mira).status_code == 200
        for answer in (
            server.get(bare), server.get(bare, headers=server.as_user()), server.get(legend),
            server.get(f"{bare}?key={'0' * 40}"), server.get(f"/wmts/{name}/1.0.0/WMTSCapabilities.xml"),
            server.get(f"/series/{name}?lon=1&lat=1"), server.get(f"/tiles/{name}/tilejson.json"),
            server.get(f"{SERVICES}/{name}", headers=server.as_user()),
            server.get(f"{SERVICES}/{name}/logs", headers=server.as_user()),
            server.client.patch(f"{SERVICES}/{name}", json={"title": "x"}, headers=server.as_user()),
            server.client.delete(f"{SERVICES}/{name}", headers=server.as_user()),
        ):  # fmt: skip
            assert read_error(answer) == (404, "ServiceNotFound")
        assert name not in {one["id"] for one in server.get("/layers").json()}
        [mine] = [one for one in server.get("/layers", headers=mira).json() if one["id"] == name]
        for address in (
            mine["tiles"].format(z=2, x=2, y=1, time=mine["times"][0]), mine["tilejson"], mine["legend"],
            mine["wmts"],
        ):  # fmt: skip
            assert server.get(address).status_code == 200
        told = server.get(mine["tilejson"]).json()
        assert server.get(told["tiles"][0].format(z=2, x=2, y=1)).status_code == 200
        style = {"configuration": STYLE | {"shared": True}}
        server.client.patch(f"{SERVICES}/{name}", json=style, headers=mira)
        assert server.get(bare).status_code == 200
        assert "public" in server.get(bare).headers["cache-control"]
        server.client.patch(f"{SERVICES}/{name}", json={"enabled": False}, headers=mira)
        assert read_error(server.get(url)) == (404, "ServiceNotFound")
    finally:
        assert server.client.delete(f"{SERVICES}/{name}", headers=mira).status_code == 204
    assert read_error(server.get(f"{SERVICES}/{name}", headers=mira)) == (404, "ServiceNotFound")


def test_services_need_a_login(server):
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("PATCH", "/x"), ("DELETE", "/x")):
        answer = server.client.request(method, f"{SERVICES}{path}", json={})
        assert read_error(answer) == (401, "AuthenticationRequired")


def test_a_service_of_a_jobs_result_and_of_an_own_process_shows_what_they_give(server, make, extent):
    graph = make_ndvi(extent)
    owned = {"process_graph": graph, "returns": {"schema": {}}}
    stored = server.client.put("/openeo/1.2/process_graphs/greenness", json=owned, headers=server.as_user())
    assert stored.status_code == 200, stored.text
    call = {"own": {"process_id": "greenness", "arguments": {}, "result": True}}
    job = server.post("/openeo/1.2/jobs", {"process": {"process_graph": graph}}).headers["openeo-identifier"]
    results = f"/openeo/1.2/jobs/{job}/results"
    server.client.post(results, headers=server.as_user())
    deadline = time.monotonic() + 60
    while server.get(results, headers=server.as_user()).status_code != 200:
        assert time.monotonic() < deadline, "the job did not finish"
        time.sleep(0.2)
    load = {"process_id": "load_stac", "arguments": {"url": f"{server.url}{results}"}, "result": True}
    lon, lat = (extent["west"] + extent["east"]) / 2, (extent["south"] + extent["north"]) / 2
    found = [
        server.get(f"/series/{make(process={'process_graph': one})}?lon={lon}&lat={lat}").json()
        for one in (graph, call, {"load": load})
    ]
    lines = [next(iter(one["values"].values())) for one in found]
    assert any(value is not None for value in lines[0])
    assert lines[1] == lines[0]
    assert lines[2] == [None if value is None else pytest.approx(value, rel=1e-6) for value in lines[0]]
    server.client.delete("/openeo/1.2/process_graphs/greenness", headers=server.as_user())
