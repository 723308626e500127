"""Who asks too often or has used up a quota is told so, and nobody else suffers for it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.conftest import read_error, run_server, start_app

from eocene.jobs import Accounts, Quota
from eocene.jobs.accounts.rates import Rates
from eocene.model import Layout
from eocene.serve.limits import GUESSES, Buckets, Gate, TooManyRequestsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

OPENEO = "/openeo/1.2"
PROCESS = {"process_graph": {"a": {"process_id": "add", "arguments": {"x": 1, "y": 1}, "result": True}}}


@given(st.integers(1, 100), st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_no_minute_has_more_than_twice_the_rate_and_no_hour_more_than_the_rate_and_one_bucket(rate, pauses):
    now = [0.0]
    buckets, taken = Buckets(clock=lambda: now[0]), 0
    for pause in pauses:
        now[0] += pause
        taken += buckets.take("a", rate) == 0
    assert taken <= rate + now[0] * rate / 60 + 1e-6


@given(st.integers(1, 1000))
def test_who_waits_as_long_as_told_is_let_in(rate):
    now = [0.0]
    buckets = Buckets(clock=lambda: now[0])
    while (wait := buckets.take("a", rate)) == 0:
        pass
    assert 0 < wait <= 60
    assert buckets.take("b", rate) == 0
    now[0] += wait + 1e-6
    assert buckets.take("a", rate) == 0


def test_a_rate_of_none_lets_nobody_in():
    buckets = Buckets(clock=lambda: 0.0)
    assert [buckets.take("a", 0) for _ in range(3)] == [60, 60, 60]


@pytest.fixture
def pair(tmp_path):
    """Two server processes of one workspace, as far as limits go, and their clock."""
    now = [1e9]
    accounts = [Accounts(Layout(tmp_path), Quota(requests=60), clock=lambda: now[0]) for _ in range(2)]
    yield [Gate(of, clock=lambda: now[0]) for of in accounts], now
    for of in accounts:
        of.close()


def count_let_in(gates, account, times):
    """Return how many of so many requests to each of the processes in turn are let in."""
    let_in = 0
    for number in range(times):
        with suppress(TooManyRequestsError):
            gates[number % len(gates)].count_request(account)
            let_in += 1
    return let_in


def test_several_server_processes_count_an_account_together(pair):
    gates, now = pair
    assert count_let_in(gates, "ada", 200) == 60
    assert count_let_in(gates, "bert", 10) == 10
    now[0] += 10  # ten more have come
    assert count_let_in(gates, "ada", 100) == 10
    now[0] += 3600  # and never more than a minute's worth
    assert count_let_in(gates, "ada", 200) == 60


def test_several_server_processes_count_guesses_together(pair):
    (first, second), now = pair
    for gate in (first, second) * (GUESSES // 2):
        gate.refuse_guesses("ada", "203.0.113.7")
        gate.count_wrong_password("ada", "203.0.113.7")
    with pytest.raises(TooManyRequestsError) as caught:
        first.refuse_guesses("ada", "203.0.113.7")
    first.refuse_guesses("ada", "203.0.113.8")
    second.refuse_guesses("bert", "203.0.113.7")
    now[0] += int(caught.value.headers["Retry-After"])
    second.refuse_guesses("ada", "203.0.113.7")


@pytest.fixture
def app(tmp_path) -> FastAPI:
    layout = Layout(tmp_path)
    layout.marker.write_text("{}")
    quota = Quota(jobs=1, requests=20, storage=1000, credits=5)
    app, _ = start_app(layout, workers=0, oidc=(), quota=quota)
    # The clocks stand still, so that buckets don't fill however slow the machine is.
    accounts = app.state.rooms.accounts
    accounts.rates = Rates(accounts.users.database, lambda: 0.0)
    gate = Gate(accounts, clock=lambda: 0.0)
    app.state.rooms = replace(app.state.rooms, gate=gate)
    return app


@pytest.fixture
def client(app) -> Iterator[httpx.Client]:
    with run_server(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def log_in(app: FastAPI, name: str) -> dict[str, str]:
    users = app.state.rooms.users
    if name != "eocene":
        users.set_password(name, "long enough")
    return {"Authorization": f"Bearer basic//{users.issue_token(name)}"}


def test_a_flood_of_one_user_is_refused_with_the_time_to_wait_and_others_go_on(app, client):
    ada, bert = log_in(app, "ada"), log_in(app, "bert")
    answers = [client.get(f"{OPENEO}/jobs", headers=ada) for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 20
    assert read_error(refused[0]) == (429, "TooManyRequests")
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert client.get(f"{OPENEO}/jobs", headers=bert).status_code == 200


def test_strangers_and_wrong_tokens_are_counted_by_their_address(client):
    wrong = {"Authorization": "Bearer basic//wrong"}
    codes = [client.get(f"{OPENEO}/jobs", headers=wrong).status_code for _ in range(30)]
    assert codes == [403] * 20 + [429] * 10


def test_guessing_a_password_ends_before_the_right_one_is_found(app, client):
    app.state.rooms.users.set_password("ada", "long enough")
    for _ in range(GUESSES - 1):  # as if they had come; each real one takes the time of a hash
        app.state.rooms.gate.count_wrong_password("ada", "127.0.0.1")
    answer = client.get(f"{OPENEO}/credentials/basic", auth=("ada", "a guess"))
    assert read_error(answer) == (403, "CredentialsInvalid")
    answer = client.get(f"{OPENEO}/credentials/basic", auth=("ada", "long enough"))
    assert read_error(answer) == (429, "TooManyRequests")
    assert int(answer.headers["Retry-After"]) >= 1
    app.state.rooms.users.set_password("bert", "long enough")
    assert client.get(f"{OPENEO}/credentials/basic", auth=("bert", "long enough")).status_code == 200


def test_more_jobs_than_allowed_are_refused_when_they_start(app, client):
    ada = log_in(app, "ada")
    homes = [
        client.post(f"{OPENEO}/jobs", json={"process": PROCESS, "budget": 1}, headers=ada).headers["Location"]
        for _ in range(2)
    ]
    assert client.post(f"{homes[0]}/results", headers=ada).status_code == 202
    refused = client.post(f"{homes[1]}/results", headers=ada)
    assert read_error(refused) == (429, "TooManyRequests")
    assert "Retry-After" in refused.headers
    assert client.delete(f"{homes[0]}/results", headers=ada).status_code == 204
    assert client.post(f"{homes[1]}/results", headers=ada).status_code == 202


def test_credits_that_are_spent_are_told_as_openeo_wants_it(app, client):
    ada = log_in(app, "ada")
    app.state.rooms.accounts.set_quota("ada", {"credits": 0})
    home = client.post(f"{OPENEO}/jobs", json={"process": PROCESS}, headers=ada).headers["Location"]
    assert read_error(client.post(f"{home}/results", headers=ada)) == (402, "PaymentRequired")
    assert client.get(home, headers=ada).json()["status"] == "created"


def test_a_result_at_once_costs_credits_and_is_refused_without_them(app, client):
    ada = log_in(app, "ada")
    answer = client.post(f"{OPENEO}/result", json={"process": PROCESS}, headers=ada)
    assert answer.json() == 2
    cost = float(answer.headers["OpenEO-Costs"])
    assert 0 <= cost < 1
    assert 5 - cost - 1e-3 <= client.get(f"{OPENEO}/me", headers=ada).json()["budget"] <= 5
    app.state.rooms.accounts.set_quota("ada", {"credits": 0})
    refused = client.post(f"{OPENEO}/result", json={"process": PROCESS}, headers=ada)
    assert read_error(refused) == (402, "PaymentRequired")


def test_files_that_do_not_fit_are_refused_and_the_account_tells_what_is_left(app, client, specification):
    import jsonschema

    ada = log_in(app, "ada")
    assert client.put(f"{OPENEO}/files/a", content=b"x" * 600, headers=ada).status_code == 200
    refused = client.put(f"{OPENEO}/files/b", content=b"x" * 600, headers=ada)
    assert read_error(refused) == (400, "StorageQuotaExceeded")
    me = client.get(f"{OPENEO}/me", headers=ada).json()
    assert me["storage"] == {"free": 400, "quota": 1000}
    assert me["budget"] == 5
    response = specification["paths"]["/me"]["get"]["responses"]["200"]
    schema = response["content"]["application/json"]["schema"] | {"components": specification["components"]}
    jsonschema.validate(me, schema)


def test_a_token_that_may_only_read_starts_and_changes_nothing(app, client):
    token, _ = app.state.rooms.accounts.tokens.create("eocene", "look")
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(f"{OPENEO}/jobs", headers=headers).status_code == 200
    assert client.post(f"{OPENEO}/validation", json=PROCESS, headers=headers).status_code == 200
    for method, path in (
        ("POST", f"{OPENEO}/jobs"),
        ("POST", f"{OPENEO}/result"),
        ("PUT", f"{OPENEO}/files/a"),
    ):
        answer = client.request(method, path, json={"process": PROCESS}, headers=headers)
        assert read_error(answer) == (403, "PermissionsInsufficient"), path
    assert client.get(f"{OPENEO}/jobs", headers=headers).json()["jobs"] == []


def test_a_personal_token_makes_no_other_and_members_of_a_project_share_its_jobs(app, client):
    ada, bert = log_in(app, "ada"), log_in(app, "bert")
    project = client.post("/account/projects", json={"name": "water"}, headers=ada).json()["id"]
    member = f"/account/projects/{project}/members/bert"
    assert client.put(member, json={"role": "viewer"}, headers=ada).status_code == 204
    wanted = {"title": "work", "project": project}
    made = client.post("/account/tokens", json=wanted | {"scope": "write"}, headers=ada)
    working = {"Authorization": f"Bearer basic//{made.json()['token']}"}
    made = client.post("/account/tokens", json=wanted, headers=bert)
    looking = {"Authorization": f"Bearer basic//{made.json()['token']}"}
    answer = client.post("/account/tokens", json={"title": "more"}, headers=working)
    assert read_error(answer) == (403, "PermissionsInsufficient")
    home = client.post(f"{OPENEO}/jobs", json={"process": PROCESS}, headers=working).headers["Location"]
    assert client.get(home, headers=looking).status_code == 200
    assert client.get(f"{OPENEO}/me", headers=looking).json()["user_id"] == project
    assert read_error(client.get(home, headers=bert)) == (404, "JobNotFound")
    assert read_error(client.delete(home, headers=looking)) == (403, "PermissionsInsufficient")
    assert client.delete(member, headers=bert).status_code == 204
    assert read_error(client.get(home, headers=looking)) == (403, "TokenInvalid")
