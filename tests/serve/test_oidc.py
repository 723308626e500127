"""Users log in at a real OpenID provider; only its good tokens, meant for this service, open anything."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import httpx
import openeo
import pytest
from tests.ports import claim_port
from tests.serve.conftest import read_error, run_server, start_app
from tests.serve.openid import AUDIENCE, SECRET, get_token, log_in, make_key, run_provider

from eocene.jobs import Quota, Users
from eocene.model import ForbiddenError, InputError, Layout
from eocene.serve.keys import PAUSE_S, STALE_S, ProviderError
from eocene.serve.logins import Logins
from eocene.serve.provider import Provider, providers_of_environment, read_provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENEO = "/openeo/1.2"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def describe(issuer: str, **more: Any) -> dict[str, Any]:
    client = {"id": "notebook", "grant_types": [DEVICE, "refresh_token"]}
    return {
        "id": "lab", "title": "The laboratory", "issuer": issuer, "scopes": ["openid"],
        "audience": AUDIENCE, "default_clients": [client], "roles_claim": "groups",
        "roles": {"staff": "editor"}, "admit": ["staff"],
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_provider(tmp_path_factory.mktemp("provider"), make_key("first")) as address:
        yield address


@pytest.fixture(scope="module")
def service(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    layout = Layout(tmp_path_factory.mktemp("workspace"))
    layout.marker.write_text("{}")
    app, _ = start_app(layout, workers=0, oidc=(read_provider(describe(issuer)),), quota=Quota())
    with run_server(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def ask(service: httpx.Client, credentials: str, path: str = f"{OPENEO}/me") -> httpx.Response:
    return service.get(path, headers={"Authorization": f"Bearer {credentials}"})


def test_the_provider_is_listed_as_the_specification_says(service, issuer, specification):
    import jsonschema

    listed = service.get(f"{OPENEO}/credentials/oidc").json()
    response = specification["paths"]["/credentials/oidc"]["get"]["responses"]["200"]
    schema = response["content"]["application/json"]["schema"] | {"components": specification["components"]}
    jsonschema.validate(listed, schema)
    assert [p["issuer"] for p in listed["providers"]] == [issuer]
    endpoints = [e["path"] for e in service.get(f"{OPENEO}/").json()["endpoints"]]
    assert "/credentials/oidc" in endpoints


def test_the_unmodified_client_logs_a_person_in_by_device_code(service, capsys):
    connection = openeo.connect(str(service.base_url) + OPENEO, auto_validate=False)

    def show(text: str) -> None:
        addresses = [word for word in text.split() if word.startswith("http")]
        for address in addresses:
            log_in(address.strip("`)"), "alice")

    connection.authenticate_oidc_device(provider_id="lab", client_id="notebook", display=show)
    me = connection.describe_account()
    assert me["user_id"].startswith("lab~")
    job = connection.create_job({"one": {"process_id": "add", "arguments": {"x": 1, "y": 1}, "result": True}})
    assert [listed["id"] for listed in connection.list_jobs()] == [job.job_id]


def test_the_unmodified_client_logs_a_program_in_by_its_secret(service):
    connection = openeo.connect(str(service.base_url) + OPENEO, auto_validate=False)
    connection.authenticate_oidc_client_credentials("script", SECRET, provider_id="lab")
    assert connection.describe_account()["roles"] == ["editor"]
    assert connection.list_jobs() == []


def test_a_plain_token_is_the_same_user_as_one_with_a_prefix(service, issuer):
    token = get_token(issuer)
    named, plain = ask(service, f"oidc/lab/{token}"), ask(service, token)
    assert named.status_code == plain.status_code == 200
    assert named.json()["user_id"] == plain.json()["user_id"]


def test_plain_tokens_are_announced_as_version_1_3_says(service):
    announced = service.get(f"{OPENEO}/").json()["conformsTo"]
    assert "https://api.openeo.org/1.3.0/authentication/jwt" in announced
    assert service.get(f"{OPENEO}/conformance").json()["conformsTo"] == announced


def test_who_is_not_admitted_is_told(service, issuer):
    refused = ask(service, f"oidc/lab/{get_token(issuer, 'stranger')}")
    assert read_error(refused) == (403, "PermissionsInsufficient")


def test_a_token_for_another_service_is_refused(service, issuer):
    refused = ask(service, f"oidc/lab/{get_token(issuer, resource='https://other.example')}")
    assert read_error(refused) == (403, "TokenInvalid")
    assert "aud" in refused.json()["message"]


def test_a_token_with_one_changed_character_is_refused(service, issuer):
    head, body, signature = get_token(issuer).split(".")
    for broken in (f"{head}.{body}.{signature[:-8]}AAAAAAAA", f"{head}.{body[:-2]}.{signature}", "a.b.c"):
        assert read_error(ask(service, f"oidc/lab/{broken}")) == (403, "TokenInvalid")


def test_a_token_of_another_provider_is_refused(service, tmp_path):
    with run_provider(tmp_path, make_key("first")) as other:
        token = get_token(other)
    assert read_error(ask(service, f"oidc/lab/{token}")) == (403, "TokenInvalid")
    assert read_error(ask(service, token)) == (403, "TokenInvalid")
    assert read_error(ask(service, f"oidc/other/{token}")) == (403, "AuthenticationSchemeInvalid")


class Hands:
    """Two clocks that are turned by hand."""

    def __init__(self) -> None:
        self.passed = 0.0

    def clock(self) -> float:
        return 1000 + self.passed

    def now(self) -> float:
        return time.time() + self.passed


@contextlib.contextmanager
def open_logins(folder: Path, issuer: str, hands: Hands) -> Iterator[Logins]:
    users = Users(Layout(folder))
    try:
        provider = read_provider(describe(issuer))
        yield Logins((provider,), users, clock=hands.clock, now=hands.now)
    finally:
        users.close()


def test_a_token_ends_when_it_says(issuer, tmp_path):
    hands = Hands()
    with open_logins(tmp_path, issuer, hands) as logins:
        token = get_token(issuer)
        assert logins.identify("lab", token).actor.startswith("lab~")
        hands.passed = 660
        with pytest.raises(ForbiddenError, match="expired"):
            logins.identify("lab", token)


def test_keys_that_rotate_are_fetched_once_and_old_ones_serve_while_the_provider_is_away(tmp_path):
    hands, old, new = Hands(), make_key("old"), make_key("new")
    with claim_port() as port, open_logins(tmp_path, f"http://127.0.0.1:{port}", hands) as logins:
        with run_provider(tmp_path, old, port=port) as issuer:
            first = get_token(issuer)
            name = logins.identify("lab", first).actor
        assert logins.identify("lab", first).actor == name
        with run_provider(tmp_path, new, port=port) as issuer:
            second = get_token(issuer)
            # Unknown keys are not looked up again at once: made-up tokens must not reach the provider.
            with pytest.raises(ForbiddenError):
                logins.identify("lab", second)
            hands.passed = PAUSE_S + 1
            assert logins.identify("lab", second).actor == name
            with pytest.raises(ForbiddenError):
                logins.identify("lab", first)
        hands.passed = STALE_S * 2
        with pytest.raises(ProviderError, match="does not answer"):
            logins.identify("lab", second)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"audience": []}, "neither audience nor clients"),
        ({"issuer": "http://login.example"}, "no https address"),
        ({"issuer": "https://login.example/"}, "ends in a slash"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"id": "a/b"}, "1 to 20"),
        ({"scopes": ["email"]}, "openid"),
        ({"roles": {"staff": "god"}}, "roles"),
        ({"secret": "x"}, "unknown property"),
    ],
)
def test_a_provider_that_is_described_wrongly_is_refused_at_the_start(change, fault):
    with pytest.raises(InputError, match=fault):
        read_provider(describe("https://login.example") | change)


def test_providers_are_read_from_the_environment_or_a_file(monkeypatch, tmp_path):
    one = '{"id": "a", "issuer": "https://a.example", "clients": ["web"]}'
    (tmp_path / "oidc.json").write_text(f"[{one}]")
    for value in (one, str(tmp_path / "oidc.json")):
        monkeypatch.setenv("EOCENE_OIDC", value)
        assert providers_of_environment() == (Provider("a", "https://a.example", clients=("web",)),)
    monkeypatch.setenv("EOCENE_OIDC", f"[{one},{one}]")
    with pytest.raises(InputError, match="same id"):
        providers_of_environment()
