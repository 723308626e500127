"""Rules fire once for each event that they ask for, run their graph on it, and tell."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from tests.jobs.events.world import ADD, QUAKE_TIME, collect, quake, watch

from eocene.jobs import JobStore
from eocene.jobs.events import run_rules
from eocene.model import InputError, NotFoundError, StateError


@pytest.fixture
def jobs(rules, layout, clock):
    store = JobStore(layout, clock=clock)
    yield store
    store.close()


def step(rules, clock, seconds=60.0):
    clock.wait(seconds)
    return run_rules(rules, once=True)


def test_an_earthquake_of_5_4_fires_once_and_one_of_4_9_does_not(rules, jobs, outside, clock):
    outside.feed = collect(quake("us1", 5.4), quake("us2", 4.9))
    rule = rules.create(watch(outside))
    assert [step(rules, clock) for _ in range(4)] == [1, 0, 0, 0]
    (event,) = rules.events(rule.id)
    assert event["event"]["id"] == "us1"
    assert [job.id for job in jobs.list()] == [event["job"]["id"]]
    assert jobs.get(event["job"]["id"]).status == "queued"
    assert [told["data"]["event"]["id"] for told in outside.told] == ["us1"]


def test_an_event_fires_when_its_magnitude_is_raised_and_not_again_under_another_name(rules, outside, clock):
    outside.feed = collect(quake("us1", 4.9))
    rules.create(watch(outside))
    assert step(rules, clock) == 0
    outside.feed = collect(quake("us1", 5.1, ids=",ci7,us1,"))
    assert step(rules, clock) == 1
    outside.feed = collect(quake("ci7", 5.2, ids=",ci7,us1,"))
    assert step(rules, clock) == 0


def test_place_time_and_windows_of_the_event_reach_the_graph(rules, jobs, outside, clock):
    outside.feed = collect(quake("us1", 5.4))
    names = ("area", "before", "after", "mag", "when")
    process = ADD | {"parameters": [{"name": name, "schema": {}} for name in names]}
    arguments = {
        "area": "$event.bbox",
        "before": "$event.before",
        "after": "$event.after",
        "mag": "$event.properties.mag",
        "when": "$event.time",
    }
    run = {"process": process, "arguments": arguments, "before_days": 1, "after_days": 2, "buffer_m": 11119.5}
    rules.create(watch(outside, run=run))
    step(rules, clock)
    (job,) = jobs.list()
    given = job.parameters
    assert given["mag"] == 5.4
    assert given["when"] == "2023-11-14T19:26:40Z"
    assert given["before"] == ["2023-11-13T19:26:40Z", "2023-11-14T19:26:40Z"]
    assert given["after"] == ["2023-11-14T19:26:40Z", "2023-11-16T19:26:40Z"]
    assert (given["area"]["south"], given["area"]["north"]) == pytest.approx((42.6, 42.8))
    assert given["area"]["east"] - 13.2 == pytest.approx(0.1 / 0.735, rel=0.01)  # cos 42.7°


def test_a_job_waits_for_the_images_after_the_event(rules, jobs, outside, clock):
    outside.feed = collect(quake("us1", 5.4))
    rules.create(watch(outside, run={"process": ADD, "wait_days": 1}))
    step(rules, clock)
    assert jobs.list() == ()
    clock.now = QUAKE_TIME + 86_399
    run_rules(rules, once=True)
    assert jobs.list() == ()
    clock.wait(1)
    run_rules(rules, once=True)
    step(rules, clock)
    assert len(jobs.list()) == 1


def test_a_job_beyond_the_quota_waits_and_is_not_lost(rules, jobs, outside, clock):
    def admit(_connection, _job):
        if full:
            raise StateError("You have as many jobs as you may.", "Wait.")
        return 7.0

    full, rules.admission = True, admit
    outside.feed = collect(quake("us1", 5.4))
    rule = rules.create(watch(outside))
    step(rules, clock)
    assert jobs.list() == ()
    assert any("as many jobs as you may" in line["message"] for line in rules.logs(rule.id))
    full = False
    step(rules, clock)
    assert [(job.status, job.budget) for job in jobs.list()] == [("queued", 7.0)]


@pytest.mark.parametrize("wait_days", [0, 0.001])
def test_a_job_waits_while_its_owners_storage_is_full(rules, jobs, outside, clock, wait_days):
    def check_storage(owner):
        asked.append(owner)
        if full:
            raise StateError("Your storage is full.", "Delete jobs.")

    asked, full, rules.storage = [], True, check_storage
    outside.feed = collect(quake("us1", 5.4, time=int(clock.now * 1000)))
    rule = rules.create(watch(outside, run={"process": ADD, "wait_days": wait_days}), owner="ada")
    step(rules, clock)
    step(rules, clock)
    assert jobs.list() == ()
    assert set(asked) == {"ada"}
    assert sum("storage is full" in line["message"] for line in rules.logs(rule.id)) == 1
    full = False
    step(rules, clock)
    step(rules, clock)
    assert [job.status for job in jobs.list()] == ["queued"]


def test_what_is_told_at_the_end_waits_for_the_job(rules, jobs, outside, clock):
    outside.feed = collect(quake("us1", 5.4))
    hook = {"kind": "webhook", "url": f"{outside.server.url}/hook"}
    rules.create(watch(outside, tell=[hook]))
    step(rules, clock)
    assert outside.got == []
    job = jobs.claim("here:1:0")
    jobs.fail(job, "Internal", "It did not work.")
    step(rules, clock)
    step(rules, clock)
    assert [told["data"]["job"]["status"] for told in outside.told] == ["error"]


def test_a_webhook_is_signed_as_standard_webhooks_say(rules, outside, clock):
    outside.feed = collect(quake("us1", 5.4))
    rule = rules.create(watch(outside))
    step(rules, clock)
    ((headers, body),) = outside.got
    key = base64.b64decode(rule.tell[0]["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}".encode()
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_receiver_that_fails_is_told_again_under_the_same_key(rules, outside, clock):
    outside.feed, outside.refused = collect(quake("us1", 5.4)), 2
    rule = rules.create(watch(outside))
    for _ in range(6):
        step(rules, clock)
    assert len(outside.got) == 1
    seen = [request.headers["webhook-id"] for request in outside.server.seen if request.method == "POST"]
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert sum("failed to send" in line["message"] for line in rules.logs(rule.id)) == 2


def test_nobody_is_told_where_the_operator_did_not_allow_it(rules, outside, clock, monkeypatch):
    monkeypatch.delenv("EOCENE_WEBHOOKS")
    outside.feed = collect(quake("us1", 5.4))
    rule = rules.create(watch(outside))
    step(rules, clock)
    assert outside.got == []
    assert "none of the allowed prefixes" in rules.logs(rule.id)[-1]["message"]


def test_an_event_without_what_the_graph_needs_is_noted_and_told(rules, jobs, outside, clock):
    nowhere = quake("us1", 5.4) | {"geometry": None}
    outside.feed = collect(nowhere)
    rule = rules.create(watch(outside, run={"process": ADD, "arguments": {"area": "$event.bbox"}}))
    step(rules, clock)
    assert jobs.list() == ()
    assert "has no bbox" in rules.events(rule.id)[0]["fault"]
    assert "has no bbox" in outside.told[0]["data"]["fault"]


def test_only_events_in_the_area_and_after_the_beginning_fire(rules, outside, clock):
    there, then = (
        quake("us1", 6),
        quake("us2", 6) | {"geometry": {"type": "Point", "coordinates": [-70, -30]}},
    )
    old = quake("us3", 6, time=0)
    outside.feed = collect(there, then, old)
    when = watch(outside)["when"] | {"area": [10, 40, 15, 45]}
    rule = rules.create(watch(outside, when=when))
    step(rules, clock)
    assert [event["event"]["id"] for event in rules.events(rule.id)] == ["us1"]


def test_a_schedule_fires_at_each_of_its_times_also_those_that_passed_unseen(rules, clock):
    rule = rules.create({"when": {"kind": "schedule", "cron": "0 * * * *"}})
    step(rules, clock)
    assert step(rules, clock, 3 * 3600) == 3
    assert step(rules, clock, 1) == 0
    times = [event["event"]["time"] for event in rules.events(rule.id)]
    assert sorted(times) == ["2023-11-14T23:00:00Z", "2023-11-15T00:00:00Z", "2023-11-15T01:00:00Z"]


def make_item(name, west=10.0, **properties):
    ring = [[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]
    item = {"type": "Feature", "stac_version": "1.1.0", "id": name, "collection": "scenes", "assets": {}}
    item |= {
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, 0, west + 1, 1],
        "links": [],
    }
    return item | {"properties": {"datetime": "2024-05-01T10:00:00Z", **properties}}


COLLECTION = {
    "type": "Collection", "stac_version": "1.1.0", "id": "scenes", "description": "All", "license": "other",
    "links": [],
    "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
}  # fmt: skip


def test_an_item_fires_when_it_enters_the_area_and_what_was_there_before_does_not(rules, archive, clock):
    archive.catalogue.put_items([make_item("old")], collections=[COLLECTION])
    when = {"kind": "items", "collection": "scenes", "area": [9, 0, 12, 1], "filter": "eo:cloud_cover < 40"}
    rule = rules.create({"when": when})
    assert step(rules, clock) == 0
    clear = {"eo:cloud_cover": 10}
    new = [
        make_item("new", **clear),
        make_item("far", 40.0, **clear),
        make_item("dim", **{"eo:cloud_cover": 80}),
    ]
    archive.catalogue.put_items(new)
    assert step(rules, clock) == 1
    archive.catalogue.put_items(new)  # ingested again
    assert step(rules, clock) == 0
    assert [event["event"]["id"] for event in rules.events(rule.id)] == ["scenes/new"]


def test_a_rule_on_items_since_a_time_takes_those_that_are_there(rules, archive, clock):
    old = make_item("old") | {"properties": {"datetime": "2023-05-01T10:00:00Z"}}
    archive.catalogue.put_items([make_item("new"), old], collections=[COLLECTION])
    rules.create({"when": {"kind": "items", "collection": "scenes", "since": "2024-01-01"}})
    assert step(rules, clock) == 1


def test_more_events_than_are_taken_at_once_are_all_taken(rules, outside, clock):
    outside.feed = collect(*(quake(f"us{n}", 6) for n in range(250)))
    rule = rules.create(watch(outside, tell=[], run=None))
    assert step(rules, clock) == 250
    assert len(rules.events(rule.id, limit=1000)) == 250


def test_a_rule_that_was_paused_does_not_fire_for_the_time_between(rules, clock):
    rule = rules.create({"when": {"kind": "schedule", "cron": "0 * * * *"}})
    rules.update(rule.id, {"enabled": False})
    assert step(rules, clock, 7200) == 0
    rules.update(rule.id, {"enabled": True})
    assert step(rules, clock, 3600) == 1


def test_rules_are_their_owners_alone(rules):
    rule = rules.create({"when": {"kind": "schedule", "cron": "0 * * * *"}}, owner="ada")
    for ask in (rules.get, rules.events, rules.logs, rules.delete):
        with pytest.raises(NotFoundError):
            ask(rule.id, "bob")
    assert rules.list("bob") == ()
    rules.delete(rule.id, "ada")
    assert rules.list() == ()


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "no 'when'"),
        ({"when": {"kind": "moon"}}, "cannot be watched"),
        ({"when": {"kind": "schedule", "cron": "61 * * * *"}}, "no schedule"),
        ({"when": {"kind": "schedule", "cron": "0 0 30 2 *"}}, "no schedule"),
        ({"when": {"kind": "feed", "url": "https://a.example/", "filter": "mag >"}}, "not CQL2"),
        ({"when": {"kind": "feed", "url": "https://a.example/", "every_s": 1}}, "too short"),
        ({"when": {"kind": "feed", "url": "https://a.example/", "area": [1, 2]}}, "bbox"),
        ({"when": {"kind": "schedule", "cron": "0 * * * *", "color": 1}}, "has no 'color'"),
        ({"run": {"process": {}}}, "no process graph"),
        ({"run": {"process": ADD, "arguments": {"x": "$event.wind"}}}, "No event has"),
        ({"run": {"process": ADD | {"parameters": [{"name": "x"}]}}}, "gets no value"),
        ({"run": {"process": ADD, "wait_days": -1}}, "wait_days"),
        ({"tell": [{"kind": "pigeon"}]}, "no known kind"),
        ({"tell": [{"kind": "email", "to": "a@b.example\nBcc: all@b.example"}]}, "mail address"),
        ({"tell": [{"kind": "webhook", "url": "https://a.example/", "secret": "short"}]}, "secret"),
        ({"tell": [{"kind": "webhook", "url": "ftp://a.example/"}]}, "no http"),
        ({"tell": [{"kind": "webhook", "url": "s3://bucket/a"}]}, "bucket"),
        ({"when": {"kind": "feed", "url": "file:///etc/passwd"}}, "no http"),
        (
            {
                "run": {
                    "process": {
                        "process_graph": {"a": {"process_id": "nope", "arguments": {}, "result": True}}
                    }
                }
            },
            "nope",
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_its_reason(rules, document, why):
    whole = (
        document
        if not document or "when" in document
        else {"when": {"kind": "schedule", "cron": "0 * * * *"}, **document}
    )
    with pytest.raises(InputError, match=why):
        rules.create(whole)
    assert json.dumps(rules.list()) == "[]"
