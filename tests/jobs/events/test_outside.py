"""What runs outside the server keeps to the owner's quota, too."""

from __future__ import annotations

import json

import pytest
from tests.command import call
from tests.jobs.events.test_rules import COLLECTION, make_item
from tests.jobs.events.world import ADD

import eocene
from eocene.jobs import Quota
from eocene.jobs.events import run_rules


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A workspace in which each account may have one job at a time."""
    monkeypatch.setenv("EOCENE_QUOTA", '{"jobs": 1}')
    with eocene.open(tmp_path / "desk") as ws:
        ws.archive.catalogue.put_items([make_item("one"), make_item("two")], collections=[COLLECTION])
    return tmp_path / "desk"


def submit(desk):
    graph = desk.parent / "graph.json"
    graph.write_text(json.dumps(ADD["process_graph"]))
    return call("jobs", "--submit", graph, "-w", desk)


def test_the_command_line_queues_no_more_jobs_than_the_quota_allows(desk):
    assert submit(desk).json["status"] == "queued"
    refused = submit(desk)
    assert refused.code != 0
    assert "as many as you may have" in refused.err
    assert len(call("jobs", "-w", desk).json) == 1


def test_rules_run_by_the_command_line_wait_for_the_quota_and_lose_nothing(desk):
    rule = {"when": {"kind": "items", "collection": "scenes", "since": "2020-01-01"}, "run": {"process": ADD}}
    path = desk.parent / "rule.json"
    path.write_text(json.dumps(rule))
    made = call("rules", "add", path, "-w", desk).json["id"]
    assert call("rules", "run", "--once", "-w", desk).json == {"events": 2}
    (first,) = call("jobs", "-w", desk).json
    lines = [line["message"] for line in call("rules", "logs", made, "-w", desk).json]
    assert sum("as many as you may have" in line for line in lines) == 1

    call("worker", "--once", "-w", desk)
    with eocene.open(desk) as ws:
        later = ws.rules.clock() + 120
        ws.rules.clock = lambda: later
        run_rules(ws.rules, once=True)
        assert {job.id for job in ws.jobs.list()} > {first["id"]}
        assert len(ws.jobs.list()) == 2


def test_what_was_said_of_one_account_goes_before_the_quota_of_all(desk):
    with eocene.open(desk) as ws:
        ws.users.start_first("eocene")
        ws.accounts.set_quota("eocene", {"jobs": 2})
        assert ws.accounts.defaults == Quota(jobs=1)
    assert [submit(desk).code for _ in range(3)] == [0, 0, 1]
