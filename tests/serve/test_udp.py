"""User-defined processes are checked, stored, called by every way of processing, and belong to one user."""

from __future__ import annotations

import time

import pytest
from tests.serve.conftest import read_error

OPENEO = "/openeo/1.2"
UDPS = f"{OPENEO}/process_graphs"
NUMBER = {"type": "number"}


def call(process, **arguments):
    return {"call": {"process_id": process, "arguments": arguments, "result": True}}


SCALE = {
    "summary": "Scale",
    "description": None,
    "parameters": [
        {"name": "x", "description": "A value.", "schema": NUMBER},
        {"name": "by", "description": "A factor.", "schema": NUMBER, "optional": True, "default": 10},
    ],
    "returns": {"schema": NUMBER},
    "process_graph": call("multiply", x={"from_parameter": "x"}, y={"from_parameter": "by"}),
}


@pytest.fixture
def put(server):
    names = []

    def store(name, process):
        names.append(name)
        return server.client.put(f"{UDPS}/{name}", json=process, headers=server.as_user())

    yield store
    for name in names:
        server.client.delete(f"{UDPS}/{name}", headers=server.as_user())


def test_a_process_is_stored_listed_replaced_and_deleted(server, put):
    user = server.as_user()
    assert put("scale", SCALE | {"id": "other"}).status_code == 200
    assert server.get(f"{UDPS}/scale", headers=user).json() == SCALE | {"id": "scale"}
    (listed,) = server.get(UDPS, headers=user).json()["processes"]
    assert listed == {key: SCALE[key] for key in ("summary", "parameters", "returns")} | {"id": "scale"}
    put("scale", {"process_graph": call("add", x=1, y=2)})
    assert "summary" not in server.get(f"{UDPS}/scale", headers=user).json()
    assert server.client.delete(f"{UDPS}/scale", headers=user).status_code == 204
    assert read_error(server.get(f"{UDPS}/scale", headers=user)) == (404, "ProcessGraphNotFound")
    assert read_error(server.client.delete(f"{UDPS}/scale", headers=user)) == (404, "ProcessGraphNotFound")


def test_it_is_called_synchronously_by_others_and_in_jobs(server, put):
    put("scale", SCALE)
    put("twice", {"process_graph": call("scale", x=4, by=2)})
    body = {"process": {"process_graph": call("twice")}}
    assert server.post(f"{OPENEO}/result", body).json() == 8
    assert server.post(f"{OPENEO}/validation", body["process"]).json() == {"errors": []}
    home = server.post(f"{OPENEO}/jobs", body).headers["Location"]
    assert server.get(f"{home}/estimate", headers=server.as_user()).json()["duration"] == "PT1S"
    server.post(f"{home}/results", None)
    deadline = time.monotonic() + 60
    while (job := server.get(home, headers=server.as_user()).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert job["status"] == "finished"
    (asset,) = server.get(f"{home}/results", headers=server.as_user()).json()["assets"].values()
    assert server.get(asset["href"]).json() == 8


@pytest.mark.parametrize(
    ("name", "process", "code"),
    [
        ("me", {"process_graph": call("me")}, "ProcessGraphComplexity"),
        ("add", SCALE, "PredefinedProcessExists"),
        ("a b", SCALE, "ProcessInvalid"),
        ("empty", {}, "ProcessGraphMissing"),
        ("p", {"process_graph": call("nothing_like_it")}, "ProcessUnsupported"),
        ("p", {"process_graph": call("add", z=1, x={"from_parameter": "q"})}, "ProcessParameterUnsupported"),
        ("p", {"process_graph": call("add", x={"from_parameter": "q"})}, "ProcessParameterRequired"),
        ("p", SCALE | {"parameters": [{"name": "x"}]}, "ProcessInvalid"),
        ("p", SCALE | {"returns": {}}, "ProcessInvalid"),
        ("p", SCALE | {"summary": 5}, "ProcessInvalid"),
    ],
)
def test_a_process_that_is_wrong_is_not_stored(server, put, name, process, code):
    assert read_error(put(name, process)) == (400, code)
    assert name not in [p["id"] for p in server.get(UDPS, headers=server.as_user()).json()["processes"]]


def test_validation_answers_200_whatever_the_process_is_and_takes_open_parameters(server):
    def validate(process):
        answer = server.client.post(f"{OPENEO}/validation", json=process)
        assert answer.status_code == 200
        return [error["code"] for error in answer.json()["errors"]]

    assert validate(SCALE) == []
    assert validate({}) == ["ProcessGraphMissing"]
    assert validate({"process_graph": call("scale", x=1)}) == ["ProcessUnsupported"]


def test_another_user_can_neither_see_nor_call_it(server, put):
    put("scale", SCALE)
    server.app.state.rooms.users.set_password("another", "a-long-password")
    token = server.get(f"{OPENEO}/credentials/basic", auth=("another", "a-long-password")).json()[
        "access_token"
    ]
    other = {"Authorization": f"Bearer basic//{token}"}
    assert server.get(UDPS, headers=other).json()["processes"] == []
    assert read_error(server.get(f"{UDPS}/scale", headers=other)) == (404, "ProcessGraphNotFound")
    body = {"process": {"process_graph": call("scale", x=1)}}
    assert read_error(server.client.post(f"{OPENEO}/result", json=body, headers=other)) == (
        400,
        "ProcessUnsupported",
    )


def test_a_job_that_calls_what_there_is_not_is_refused_at_once(server):
    body = {"process": {"process_graph": call("nothing_like_it")}}
    assert read_error(server.post(f"{OPENEO}/jobs", body)) == (400, "ProcessUnsupported")
