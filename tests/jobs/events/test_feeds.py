"""Feeds are read as what they are; hostile ones are refused with a reason, which stands in the rule's log."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.jobs.events.world import collect, quake, watch

from eocene.jobs.events import run_rules
from eocene.jobs.events.feeds import read_feed
from eocene.model import DamageError
from eocene.testing.faults.handler import Answer

CAP = """<?xml version="1.0"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>KSTO-2</identifier><sender>nws@example.org</sender><sent>2024-05-01T12:00:00-07:00</sent>
<status>{status}</status><msgType>{kind}</msgType><references>nws@example.org,KSTO-1,2024-05-01T11:00:00-07:00</references>
<info><event>Flood</event><severity>Severe</severity><headline>Flood warning</headline>
<area><areaDesc>Here</areaDesc><polygon>38,-120 38,-119 39,-119 38,-120</polygon></area></info></alert>"""

GDACS = """<rss version="2.0" xmlns:georss="http://www.georss.org/georss" xmlns:gdacs="http://www.gdacs.org"><channel>
<item><title>Green flood</title><guid>FL1</guid><pubDate>Wed, 01 May 2024 10:00:00 GMT</pubDate>
<georss:point>-10.5 35.25</georss:point>
<gdacs:population>1200</gdacs:population></item>
<item><title>No name</title></item></channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#">
<entry><id>urn:a</id><title>Fire</title><updated>2024-05-01T10:00:00Z</updated>
<geo:Point><geo:lat>40.5</geo:lat><geo:long>-3.25</geo:long></geo:Point></entry></feed>"""


def test_a_cap_alert_has_place_time_and_the_names_of_what_it_replaces():
    ((event,), faults) = read_feed(CAP.format(status="Actual", kind="Update").encode())
    assert event.ids == ("nws@example.org,KSTO-2", "nws@example.org,KSTO-1")
    assert event.time == 1714590000.0  # 19:00 UTC
    assert event.find_bbox() == {"west": -120, "south": 38, "east": -119, "north": 39}
    assert (event.title, event.properties["severity"], faults) == ("Flood warning", "Severe", [])


@pytest.mark.parametrize(("status", "kind"), [("Exercise", "Alert"), ("Test", "Alert"), ("Actual", "Cancel")])
def test_exercises_and_cancellations_are_no_events(status, kind):
    assert read_feed(CAP.format(status=status, kind=kind).encode()) == ([], [])


def test_rss_has_points_latitude_first_numbers_and_tells_what_was_left_out():
    ((event,), faults) = read_feed(GDACS.encode())
    assert event.geometry == {"type": "Point", "coordinates": (35.25, -10.5)}
    assert (event.id, event.time, event.properties["population"]) == ("FL1", 1714557600.0, 1200.0)
    assert faults == ["Entry 1 was left out: It has neither guid, id nor link."]


def test_atom_with_w3c_points_is_read():
    ((event,), _) = read_feed(ATOM.encode())
    assert event.geometry == {"type": "Point", "coordinates": (-3.25, 40.5)}
    assert event.time == 1714557600.0


def test_one_wrong_feature_costs_only_itself():
    wrong = [
        quake("a", 5),
        quake("b", 5) | {"geometry": {"type": "Point", "coordinates": [999, 0]}},
        {"id": 1},
        7,
    ]
    events, faults = read_feed(collect(*wrong))
    assert [event.id for event in events] == ["a"]
    assert len(faults) == 3


BOMB = """<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><rss>&b;</rss>"""
HOSTILE = {
    "an XML bomb": BOMB.encode(),
    "an outer entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item>&x;</item></rss>',
    "a page": b"<html><body>Log in</body></html>",
    "nothing": b"",
    "a picture": b"\x89PNG\r\n\x1a\n",
    "half a document": collect(quake("a", 5))[:-40],
    "deep JSON": b'{"type": "FeatureCollection", "features": ' + b"[" * 100_000,
    "wide JSON": b'{"type":"FeatureCollection","features":[' + b"0," * 400_000 + b"0]}",
    "another JSON": b'{"type": "Topology"}',
    "a number that is none": b'{"type": "FeatureCollection", "features": [NaN]}',
    "XML cut off": CAP[:200].encode(),
    "UTF-16 in disguise": "<rss/>".encode("utf-16"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_feed_is_refused_at_once_and_the_log_says_why(content):
    begun = time.process_time()
    with pytest.raises(DamageError, match="feed"):
        read_feed(content)
    assert time.process_time() - begun < 5


@given(st.binary(max_size=200) | st.sampled_from(["{", "<rss>"]).map(str.encode))
def test_any_bytes_are_read_or_refused(content):
    try:
        read_feed(content)
    except DamageError as error:
        assert error.remedy  # noqa: PT017


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "type", "properties", "geometry", "time", "coordinates"]), inner
            )
        ),
        max_leaves=20,
    )
)
def test_any_feature_is_read_or_left_out(value):
    events, faults = read_feed(json.dumps({"type": "FeatureCollection", "features": [value]}).encode())
    assert len(events) + len(faults) == 1


def test_a_feed_that_breaks_is_told_once_and_looked_at_again(rules, outside, clock):
    rule = rules.create(watch(outside))
    for content in (BOMB.encode(), BOMB.encode(), b"", collect(quake("us1", 5.4))):
        outside.feed = content
        clock.wait(120)
        run_rules(rules, once=True)
    lines = [line["message"] for line in rules.logs(rule.id) if line["level"] == "error"]
    assert len(lines) == 2
    assert "DTD" in lines[0] or "Entit" in lines[0]
    assert len(rules.events(rule.id)) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(404), "does not exist"),
        (Answer(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"}), "none of the allowed"),
        (Answer(200, b"x" * (17 << 20)), "larger than"),
    ],
    ids=["gone", "elsewhere", "huge"],
)
def test_what_the_door_refuses_stands_in_the_log(rules, outside, clock, answer, why):
    outside.server.route = lambda *_: answer
    rule = rules.create(watch(outside))
    clock.wait(60)
    run_rules(rules, once=True)
    assert why in rules.logs(rule.id)[-1]["message"]


def test_a_feed_that_the_operator_did_not_allow_is_not_asked(rules, outside, clock, monkeypatch):
    monkeypatch.delenv("EOCENE_REMOTE")
    rule = rules.create(watch(outside))
    clock.wait(60)
    run_rules(rules, once=True)
    assert outside.server.requests == 0
    assert "none of the allowed prefixes" in rules.logs(rule.id)[-1]["message"]
