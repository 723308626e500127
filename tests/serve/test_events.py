"""Rules over HTTP: their owner makes them, an earthquake fires them, feed readers follow them."""

from __future__ import annotations

import time

import httpx
import pytest
from defusedxml import ElementTree
from tests.jobs.events.world import World, collect, quake, watch

from eocene.jobs.applications import find_application
from eocene.testing.faults import FaultServer

ATOM = {"a": "http://www.w3.org/2005/Atom", "g": "http://www.georss.org/georss"}
SCHEDULE = {"when": {"kind": "schedule", "cron": "0 6 * * 1"}}


@pytest.fixture
def outside(tmp_path, monkeypatch):
    world = World()
    with FaultServer(tmp_path, route=world.route) as served:
        world.server = served
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EOCENE_WEBHOOKS", f"{served.url}/hook")
        yield world


@pytest.fixture
def make(server):
    made = []

    def create(document):
        answer = server.post("/rules", document)
        assert answer.status_code == 201, answer.text
        made.append(answer.headers["location"])
        return made[-1]

    yield create
    for address in made:
        server.client.delete(address, headers=server.as_user())


def wait_for(ask, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def window_mean(name):
    """The mean of radar backscatter in the box and the days around an event."""
    pixel = {
        "process_graph": {
            "mean": {"process_id": "mean", "arguments": {"data": {"from_parameter": "data"}}, "result": True}
        }
    }
    load = {
        "id": "sentinel-1-grd",
        "bands": ["VV"],
        "spatial_extent": {"from_parameter": "area"},
        "temporal_extent": {"from_parameter": name},
    }
    return {
        f"load_{name}": {"process_id": "load_collection", "arguments": load},
        name: {
            "process_id": "reduce_dimension",
            "arguments": {"data": {"from_node": f"load_{name}"}, "dimension": "t", "reducer": pixel},
        },
    }


def test_an_earthquake_of_5_4_runs_a_graph_of_the_images_before_and_after_it(server, outside, make, extent):
    place = {
        "type": "Point",
        "coordinates": [(extent["west"] + extent["east"]) / 2, (extent["south"] + extent["north"]) / 2],
    }
    april = 1_712_300_000_000  # 2024-04-05, between two radar images of the simulated year
    strong = quake("us1", 5.4, time=april) | {"geometry": place}
    outside.feed = collect(strong, quake("us2", 4.9, time=april) | {"geometry": place})
    run = {
        "process": find_application("radar_change"),
        "arguments": {"area": "$event.bbox", "before": "$event.before", "after": "$event.after"},
        "before_days": 24,
        "after_days": 24,
        "buffer_m": 300,
    }
    tell = [{"kind": "webhook", "url": f"{outside.server.url}/hook"}]
    when = watch(outside)["when"] | {"every_s": 10}
    home = make(watch(outside, when=when, run=run, tell=tell))
    (told,) = wait_for(lambda: outside.told)
    assert told["data"]["job"]["status"] == "finished", server.get(
        f"/openeo/1.2/jobs/{told['data']['job']['id']}/logs", headers=server.as_user()
    ).text
    events = server.get(f"{home}/events", headers=server.as_user()).json()["events"]
    assert [event["event"]["id"] for event in events] == ["us1"]
    results = server.get(
        f"/openeo/1.2/jobs/{events[0]['job']['id']}/results", headers=server.as_user()
    ).json()
    assert any(name.endswith(".tif") for name in results["assets"])
    derived = [entry["href"] for entry in results["links"] if entry["rel"] == "derived_from"]
    dates = sorted(href.rpartition("/")[2] for href in derived)
    assert len(dates) >= 4, dates  # two windows of 24 days at a repeat of 12
    feed = next(
        e for e in server.get(home, headers=server.as_user()).json()["links"] if e["rel"] == "alternate"
    )
    root = ElementTree.fromstring(httpx.get(feed["href"]).content)
    assert [e.text for e in root.findall("a:entry/a:title", ATOM)] == ["M 5.4"]
    assert [float(v) for v in root.find("a:entry/g:point", ATOM).text.split()] == pytest.approx(
        place["coordinates"][::-1], abs=1e-5
    )
    assert "/results" in root.find("a:entry/a:link[@rel='related']", ATOM).get("href")


def test_a_rule_is_made_changed_and_deleted(server, make):
    home = make({"title": "Each Monday"} | SCHEDULE)
    as_user = server.as_user()
    shown = server.get(home, headers=as_user).json()
    assert (shown["title"], shown["enabled"]) == ("Each Monday", True)
    assert server.client.patch(home, json={"enabled": False}, headers=as_user).status_code == 204
    assert server.get(home, headers=as_user).json()["enabled"] is False
    assert shown["id"] in [rule["id"] for rule in server.get("/rules", headers=as_user).json()["rules"]]
    assert server.get(f"{home}/logs", headers=as_user).json()["logs"][0]["message"] == "The rule was made."
    assert server.client.delete(home, headers=as_user).status_code == 204
    assert server.get(home, headers=as_user).status_code == 404


def test_rules_need_a_login_and_feeds_their_signature(server, make):
    home = make(SCHEDULE)
    for path in ("/rules", home, f"{home}/events", f"{home}/logs"):
        assert server.get(path).status_code == 401
    assert server.get(f"{home}/feed?expires=9999999999&signature=00").status_code == 403
    other = server.app.state.rooms.rules.create(SCHEDULE, owner="somebody")
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/logs"), ("PATCH", ""), ("DELETE", "")):
        answer = server.client.request(method, f"/rules/{other.id}{path}", json={}, headers=server.as_user())
        assert answer.status_code == 404
    server.app.state.rooms.rules.delete(other.id)


def test_a_wrong_rule_is_refused_with_its_reason(server):
    answer = server.post("/rules", {"when": {"kind": "moon"}})
    assert answer.status_code == 400
    assert "cannot be watched" in answer.json()["message"]


def test_a_job_and_an_own_process_are_packaged_for_their_owner(server):
    process = {"process_graph": {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}
    as_user = server.as_user()
    job = server.post("/openeo/1.2/jobs", {"process": process}).headers["openeo-identifier"]
    put = server.client.put("/openeo/1.2/process_graphs/three", json=process, headers=as_user)
    assert put.status_code == 200
    for path, name in ((f"/packages/jobs/{job}", job), ("/packages/process_graphs/three", "three")):
        assert server.get(path).status_code == 401
        answer = server.get(path, headers=as_user)
        assert answer.headers["content-type"] == "application/cwl+json"
        assert [part["class"] for part in answer.json()["$graph"]] == ["Workflow", "CommandLineTool"]
        assert answer.json()["$graph"][0]["id"] == name
    assert server.get("/packages/jobs/none", headers=as_user).status_code == 404
    server.client.delete("/openeo/1.2/process_graphs/three", headers=as_user)
