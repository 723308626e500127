"""The log: one line for each event, by which a request or a job can be followed."""

from __future__ import annotations

import io
import json
import logging
import sys

import httpx
import pytest

from eocene.model import InputError
from eocene.serve.logging import configure_logging, request_id


@pytest.fixture
def log(monkeypatch):
    """What is logged as JSON at the level info, as text; the loggers are as before afterwards."""
    monkeypatch.setenv("EOCENE_LOG_LEVEL", "info")
    monkeypatch.setenv("EOCENE_LOG_FORMAT", "json")
    root, ours = logging.getLogger(), logging.getLogger("eocene")
    before = root.level, ours.level, list(root.handlers)
    stream = io.StringIO()
    configure_logging(stream)
    yield stream
    root.handlers[:] = before[2]
    root.setLevel(before[0])
    ours.setLevel(before[1])


def lines(log: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_and_the_id_of_its_request(log):
    token = request_id.set("request-1")
    try:
        logging.getLogger("eocene.x").warning("eins\nzwei %s", "ü")
    finally:
        request_id.reset(token)
    (line,) = lines(log)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "eocene.x",
        "message": "eins\nzwei ü",
        "request": "request-1",
    }


def test_a_line_about_a_job_carries_its_id(log):
    logging.getLogger("eocene.x").error("job %s failed", "j-0123456789abcdef")
    logging.getLogger("eocene.x").info("told", extra={"job": "j-1"})
    assert [line["job"] for line in lines(log)] == ["j-0123456789abcdef", "j-1"]


def test_an_error_is_told_with_its_traceback_in_one_line(log):
    try:
        raise ValueError("inside")
    except ValueError:
        logging.getLogger("eocene.x").exception("outside")
    (line,) = lines(log)
    assert "ValueError: inside" in line["error"]
    assert "test_logging" in line["error"]


def test_others_are_heard_only_when_it_is_serious(log):
    logging.getLogger("somebody").info("chatter")
    logging.getLogger("eocene.x").debug("detail")
    assert lines(log) == []


@pytest.mark.parametrize(("name", "value"), [("EOCENE_LOG_LEVEL", "loud"), ("EOCENE_LOG_FORMAT", "xml")])
def test_an_unknown_choice_is_named_with_those_there_are(log, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{name}.*{value}.*Use one of"):
        configure_logging(sys.stderr)


def test_each_request_has_an_id_which_its_line_and_its_answer_tell(server, log):
    given = server.get("/openeo/1.2/jobs/j-none", headers=server.as_user(**{"X-Request-ID": "from-proxy-7"}))
    made = server.get("/stac/collections/sentinel-2-l2a")
    foul = server.get("/health/live", headers={"X-Request-ID": 'a"b c\td'})
    assert given.headers["x-request-id"] == "from-proxy-7"
    assert len({answer.headers["x-request-id"] for answer in (given, made, foul)}) == 3
    told = {line["request"]: line for line in lines(log) if line["logger"] == "eocene.requests"}
    line = told["from-proxy-7"]
    assert (line["method"], line["status"], line["account"]) == ("GET", 404, "eocene")
    assert line["route"] == "/openeo/1.2/jobs/{job_id}"
    assert line["seconds"] > 0
    assert told[made.headers["x-request-id"]]["status"] == 200
    assert 'a"b' not in foul.headers["x-request-id"]
    assert "j-none" not in log.getvalue().partition("from-proxy-7")[0]
    assert server.token not in log.getvalue()
    assert isinstance(made, httpx.Response)
